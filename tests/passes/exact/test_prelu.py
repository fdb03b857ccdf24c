"""PRelu as a Relu and two scalings."""

import numpy as np
import pytest
from planish.passes.exact.prelu import RULE


@pytest.mark.parametrize("shape", [(8, 1, 1), (1, 8, 1, 1), (1,)])
def test_slopes_of_either_sign_per_channel_or_one_for_all(make_model, assert_same, apply_rules, shape):
    model = make_model("g (float[n,8,60,50] x) => (float[n,8,60,50] y) { y = PRelu (x, s) }", s=shape)
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Relu", "Conv", "Conv", "Add"]
    assert_same(model, after)


def test_a_small_map_is_not_worth_the_nodes(make_model, apply_rules):
    model = make_model("g (float[n,8,6,5] x) => (float[n,8,6,5] y) { y = PRelu (x, s) }", s=(8, 1, 1))
    _, result = apply_rules(model, RULE)
    assert [skip.why for skip in result.skips] == ["prelu: would not make onnxruntime faster"]


@pytest.mark.parametrize("shape", [(60, 50), (8, 60, 50)])
def test_slopes_along_other_axes_stay(make_model, apply_rules, shape):
    model = make_model("g (float[n,8,60,50] x) => (float[n,8,60,50] y) { y = PRelu (x, s) }", s=shape)
    _, result = apply_rules(model, RULE)
    assert not result.changes
    assert "not one per channel" in result.skips[0].why
    assert np.prod(shape) > 8
