"""Transposes of transposes."""

from planish.passes.exact.drop_identities import RULE as DROP_IDENTITIES
from planish.passes.exact.merge_transposes import RULE


def test_two_become_one_and_opposites_vanish(make_model, assert_same, apply_rules):
    turn = "a = Transpose <perm=[0,2,3,1]> (x) "
    model = make_model(
        f"g (float[n,3,5,7] x) => (float[n,7,5,3] y) {{ {turn} b = Transpose <perm=[0,2,1,3]> (a) y = Relu (b) }}"
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Transpose", "Relu"]
    assert_same(model, after)
    back = make_model(
        f"g (float[n,3,5,7] x) => (float[n,3,5,7] y) {{ {turn} b = Transpose <perm=[0,3,1,2]> (a) y = Relu (b) }}"
    )
    after, _ = apply_rules(back, RULE, DROP_IDENTITIES)
    assert [node.op_type for node in after.graph.node] == ["Relu"]
    assert_same(back, after)
