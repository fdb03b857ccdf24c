"""Powers without `pow`."""

import numpy as np
import pytest
from planish.passes.exact.power import RULE


@pytest.mark.parametrize(
    ("exponent", "operators"),
    [
        (1.0, []),
        (2.0, ["Mul"]),
        (3.0, ["Mul", "Mul"]),
        (0.5, ["Sqrt"]),
        (0.25, ["Sqrt", "Sqrt"]),
        (0.75, ["Sqrt", "Sqrt", "Mul"]),
        (-0.5, ["Sqrt", "Reciprocal"]),
        (-2.0, ["Mul", "Reciprocal"]),
        (1.3, ["Pow"]),
        (0.0, ["Pow"]),
        (7.0, ["Pow"]),
    ],
)
def test_small_multiples_of_a_quarter(make_model, assert_same, apply_rules, exponent, operators):
    text = "g (float[n,3,5] x) => (float[n,3,5] y) { e = Exp (x) p = Pow (e, k) y = Neg (p) }"
    model = make_model(text, k=np.array(exponent, np.float32))
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Exp", *operators, "Neg"]
    assert_same(model, after)


def test_roots_of_negative_numbers_are_no_numbers_either_way(make_model, outputs_of, apply_rules):
    model = make_model("g (float[n,3,5] x) => (float[n,3,5] y) { y = Pow (x, k) }", k=np.array(0.75, np.float32))
    before, after = outputs_of(model, apply_rules(model, RULE)[0])
    assert np.isnan(before["y"]).any()
    np.testing.assert_allclose(after["y"], before["y"], rtol=1e-6)


def test_integers_stay_with_pow(make_model, apply_rules):
    model = make_model("g (int64[n,3] x) => (int64[n,3] y) { y = Pow (x, k) }", k=np.array(2.0, np.float32))
    assert not apply_rules(model, RULE)[1].changes
