"""Division by the Euclidean norm."""

import numpy as np
import pytest
from planish.passes.exact.lp_normalization import RULE
from planish.runtime_check.session import Session


@pytest.mark.parametrize("opset", [9, 13, 18])
@pytest.mark.parametrize("axis", [1, -1])
def test_norm_and_division(make_model, assert_same, apply_rules, opset, axis):
    text = f"g (float[n,5,4,3] x) => (float[n,5,4,3] y) {{ y = LpNormalization <axis={axis}> (x) }}"
    model = make_model(text, opset=opset)
    after, _ = apply_rules(model, RULE)
    assert "LpNormalization" not in [node.op_type for node in after.graph.node]
    assert_same(model, after, 1e-6)
    assert not apply_rules(after, RULE)[1].changes


def test_nothing_stays_nothing(make_model, apply_rules):
    model = make_model("g (float[n,5,4] x) => (float[n,5,4] y) { y = LpNormalization <axis=1> (x) }")
    x = np.zeros((2, 5, 4), np.float32)
    x[1, 0, 0] = 1e-15
    for net in (model, apply_rules(model, RULE)[0]):
        np.testing.assert_array_equal(Session(net).run({"x": x})["y"], (x > 0).astype(np.float32))


def test_sums_of_magnitudes_stay(make_model, apply_rules):
    model = make_model("g (float[n,5,4] x) => (float[n,5,4] y) { y = LpNormalization <axis=1, p=1> (x) }")
    assert not apply_rules(model, RULE)[1].changes
