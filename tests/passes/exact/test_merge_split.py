"""A Split, convolutions of its parts and a Concat as one convolution in groups."""

import numpy as np
import pytest
from planish.passes.exact.merge_split import RULE
from planish.passes.targets import find_target

BLOCK = find_target("onnxruntime").block


def net(make_model, order="a, b", width=BLOCK):
    return make_model(
        f"g (float[n,{2 * width},9,7] x) => (float[n,{4 * width},9,7] y) {{ p, q = Split <axis=1> (x, halves) "
        f"a = Conv <pads=[1,1,1,1]> (p, u, s) b = Conv <pads=[1,1,1,1]> (q, v) y = Concat <axis=1> ({order}) }}",
        halves=np.array([width, width]),
        u=(2 * width, width, 3, 3),
        v=(2 * width, width, 3, 3),
        s=(2 * width,),
    )


@pytest.mark.parametrize("width", [1, BLOCK])
def test_towers_become_groups(make_model, assert_same, apply_rules, width):
    model = net(make_model, width=width)
    after, _ = apply_rules(model, RULE)
    (conv,) = after.graph.node
    assert {a.name: a.i for a in conv.attribute}["group"] == 2
    assert_same(model, after)
    assert not apply_rules(after, RULE)[1].changes


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"order": "b, a"}, "differ"), ({"width": BLOCK - 1}, "would not make onnxruntime faster")],
)
def test_what_it_declines(make_model, apply_rules, settings, why):
    _, result = apply_rules(net(make_model, **settings), RULE)
    assert not result.changes
    assert why in result.skips[0].why
