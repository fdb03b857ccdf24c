"""Two affine maps as one BatchNormalization."""

import numpy as np
import pytest
from planish.passes.exact.merge_affine import RULE


@pytest.mark.parametrize("second", ["Add (m, k)", "Sub (k, m)", "Div (m, k)", "BatchNormalization (m, g, b, c, v)"])
def test_they_become_one(make_model, assert_same, apply_rules, rng, second):
    model = make_model(
        f"g (float[n,4,9,7] x) => (float[n,4,9,7] y) {{ r = Relu (x) m = Mul (s, r) y = {second} }}",
        s=np.array(3, np.float32),
        k=(4, 1, 1),
        v=rng.uniform(0.5, 2, 4).astype(np.float32),
        **dict.fromkeys("gbc", (4,)),
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Relu", "BatchNormalization"]
    assert_same(model, after)


def test_a_map_that_others_read_and_one_along_another_axis_stay(make_model, apply_rules):
    text = "g (float[n,4,9,7] x) => (float[n,4,9,7] y) { m = Mul (x, s) a = Add (m, k) y = Mul (a, m) }"
    other = "g (float[n,4,9,7] x) => (float[n,4,9,7] y) { m = Mul (x, t) y = Add (m, k) }"
    assert not apply_rules(make_model(text, s=(4, 1, 1), k=(4, 1, 1)), RULE)[1].changes
    assert not apply_rules(make_model(other, t=(9, 1), k=(4, 1, 1)), RULE)[1].changes
