"""Equal initializers and equal nodes."""

import numpy as np
import pytest
from planish.passes.exact.merge_duplicates import RULE


def test_equal_initializers_are_shared_and_twins_become_one(make_model, assert_same, apply_rules, rng):
    values = rng.standard_normal((3, 5)).astype(np.float32)
    model = make_model(
        "g (float[n,3,5] x) => (float[n,3,5] y) "
        "{ a = Mul (x, u) b = Mul (x, v) c = Exp (a) d = Exp (b) e = Neg (d) y = Sub (c, e) }",
        u=values,
        v=values.copy(),
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Mul", "Exp", "Neg", "Sub"]
    assert [tensor.name for tensor in after.graph.initializer] == ["u"]
    assert_same(model, after)


def test_other_attributes_other_types_and_outputs_stay(make_model, apply_rules):
    model = make_model(
        "g (float[n,6] x) => (float[n,6] y, float[n,6] z, float[n,6] p, float[n,6] q) "
        "{ y = LeakyRelu <alpha=0.1> (x) z = LeakyRelu <alpha=0.2> (x) p = Exp (x) q = Exp (x) }"
    )
    _, result = apply_rules(model, RULE)
    assert not result.changes
    assert "its own name is an output" in result.skips[0].why


def test_what_products_read_first_is_not_shared_since_opencv_refuses_it(make_model, apply_rules, rng):
    values = rng.standard_normal((3, 3)).astype(np.float32)
    model = make_model(
        "g (float[n,3,5] x) => (float[n,3,5] y) { a = MatMul (u, x) y = MatMul (v, a) }", u=values, v=values.copy()
    )
    assert not apply_rules(model, RULE)[1].changes
    cv2 = pytest.importorskip("cv2")
    cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
