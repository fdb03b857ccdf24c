"""Only what an output depends on is left."""

from planish.passes.exact.fold_affine import RULE


def test_dead_branches_and_their_weights_go(make_model, assert_same, apply_rules):
    model = make_model(
        "g (float[n,3,5] x, float[n,3,5] unused) => (float[n,3,5] y) { a = Mul (x, k) b = Exp (a) y = Add (x, k2) }",
        k=(3, 5),
        k2=(3, 5),
    )
    after, result = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Add"]
    assert [tensor.name for tensor in after.graph.initializer] == ["k2"]
    assert {change.where for change in result.changes} == {"a", "b"}
    assert_same(model, after)
    assert not apply_rules(after, RULE)[1].changes
