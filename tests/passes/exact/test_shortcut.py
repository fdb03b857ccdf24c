"""The parameterless shortcut of residual nets."""

import numpy as np
import pytest
from planish.passes.exact.shortcut import RULE

LAST = np.iinfo(np.int64).max


def build(make_model, steps=(2, 2), pads=(0, 2, 0, 0, 0, 3, 0, 0), starts=(0, 0)):
    return make_model(
        "g (float[n,6,9,7] x) => (float[n,c,h,w] y) { s = Slice (x, starts, ends, axes, steps) y = Pad (s, pads) }",
        starts=np.array(starts),
        ends=np.array([LAST, LAST]),
        axes=np.array([2, -1]),
        steps=np.array(steps),
        pads=np.array(pads),
    )


@pytest.mark.parametrize("steps", [(2, 2), (1, 3), (4, 1)])
def test_slice_and_pad_become_a_convolution(make_model, assert_same, apply_rules, steps):
    model = build(make_model, steps)
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Conv"]
    assert_same(model, after)


@pytest.mark.parametrize("change", [{"pads": (0, 2, 1, 0, 0, 3, 0, 0)}, {"starts": (1, 0)}, {"steps": (-1, 2)}])
def test_other_slices_and_pads_stay(make_model, apply_rules, change):
    assert not apply_rules(build(make_model, **change), RULE)[1].changes


@pytest.mark.parametrize(
    ("target", "changed"), [("openvino", False), ("ncnn", True), ("mnn", False), ("opencv", False)]
)
def test_targets_that_gain(make_model, apply_rules, target, changed):
    assert bool(apply_rules(build(make_model), RULE, target=target)[1].changes) == changed
