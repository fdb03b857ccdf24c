"""What does not depend on the input."""

import numpy as np
from planish.passes.exact.fold_constants import RULE


def test_constant_branches_and_known_dimensions_are_folded(make_model, assert_same, apply_rules):
    model = make_model(
        """g (float[n,4,6] x) => (float[n,24] y) {
          e = Exp (k) s = Sqrt (e) m = Mul (x, s) shape = Shape (m) c = Gather (shape, one) t = Mul (c, six)
          size = Concat <axis=0> (minus, t) y = Reshape (m, size) }""",
        k=(4, 6),
        one=np.array([1]),
        six=np.array([6]),
        minus=np.array([-1]),
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Mul", "Reshape"]
    assert_same(model, after)


def test_random_numbers_quantized_weights_and_what_would_swell_stay(make_model, apply_rules):
    quantized = make_model(
        "g (float[n,4] x) => (float[n,4] y) { w = DequantizeLinear (q, s) y = Mul (x, w) }",
        q=np.arange(4, dtype=np.int8),
        s=np.array(0.1, np.float32),
    )
    swelling = make_model(
        "g (float[300,400] x) => (float[300,400] y) { w = Expand (k, size) y = Add (x, w) }",
        k=(1, 400),
        size=np.array([300, 400]),
    )
    for model in (quantized, swelling):
        assert not apply_rules(model, RULE)[1].changes
    assert "much larger" in apply_rules(swelling, RULE)[1].skips[0].why
