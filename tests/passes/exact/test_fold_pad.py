"""Pads into what reads them."""

import numpy as np
import pytest
from planish.passes.exact.fold_pad import RULE


def build(make_model, reader, value=0.0, before="Relu", pads=(0, 0, 1, 0, 0, 0, 2, 1)):
    return make_model(
        f"g (float[n,4,9,7] x) => (float[n,c,h,w0] y) {{ r = {before} (x) p = Pad (r, pads, value) y = {reader} }}",
        pads=np.array(pads),
        value=np.array(value, np.float32),
        w=(5, 4, 3, 3),
    )


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("Conv <pads=[1,1,0,0]> (p, w)", 0.0),
        ("AveragePool <kernel_shape=[3,3]> (p)", 0.0),
        ("AveragePool <kernel_shape=[3,2], pads=[0,0,0,0], count_include_pad=1> (p)", 0.0),
        ("MaxPool <kernel_shape=[3,3]> (p)", 0.0),
        ("MaxPool <kernel_shape=[3,3]> (p)", -np.inf),
    ],
)
def test_they_are_folded(make_model, assert_same, apply_rules, reader, value):
    model = build(make_model, reader, value)
    after, _ = apply_rules(model, RULE)
    assert "Pad" not in [node.op_type for node in after.graph.node]
    assert_same(model, after)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"reader": "Conv (p, w)", "value": 1.0}, "pads with 0, not with 1"),
        ({"reader": "MaxPool <kernel_shape=[3,3]> (p)", "before": "Neg"}, "pads with minus infinity"),
        ({"reader": "MaxPool <kernel_shape=[2,3]> (p)"}, "as wide as the window"),
        ({"reader": "AveragePool <kernel_shape=[3,3], pads=[1,1,1,1]> (p)"}, "out of its average"),
        ({"reader": "MaxPool <kernel_shape=[3,3]> (p)", "pads": (0, 1, 0, 0, 0, 0, 0, 0)}, "batch or channels"),
        ({"reader": "MaxPool <kernel_shape=[3,3]> (p)", "pads": (0, 0, -1, 0, 0, 0, 0, 0)}, "crops"),
    ],
)
def test_what_means_something_else_stays(make_model, apply_rules, change, why):
    _, result = apply_rules(build(make_model, **change), RULE)
    assert not result.changes
    assert why in result.skips[0].why
