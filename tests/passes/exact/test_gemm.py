"""MatMul and its bias."""

import pytest
from planish.passes.exact.gemm import RULE


@pytest.mark.parametrize("addition", ["Add (m, b)", "Add (b, m)"])
def test_they_become_gemm(make_model, assert_same, apply_rules, addition):
    model = make_model(f"g (float[n,5] x) => (float[n,3] y) {{ m = MatMul (x, w) y = {addition} }}", w=(5, 3), b=(3,))
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Gemm"]
    assert_same(model, after)


def test_batches_of_matrices_and_other_constants_stay(make_model, apply_rules):
    batched = make_model(
        "g (float[n,4,5] x) => (float[n,4,3] y) { m = MatMul (x, w) y = Add (m, b) }", w=(5, 3), b=(3,)
    )
    scalar = make_model("g (float[n,5] x) => (float[n,3] y) { m = MatMul (x, w) y = Add (m, b) }", w=(5, 3), b=(1,))
    assert not apply_rules(batched, RULE)[1].changes
    assert "not one number per output" in apply_rules(scalar, RULE)[1].skips[0].why
