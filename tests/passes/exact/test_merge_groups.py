"""Narrow groups joined to blocks."""

import pytest
from planish.passes.exact.merge_groups import RULE
from planish.passes.targets import find_target

BLOCK = find_target("onnxruntime").block


@pytest.mark.parametrize("share", [2, 4])
def test_groups_fill_a_block(make_model, assert_same, apply_rules, share):
    width, group = BLOCK // share, 8
    channels = width * group
    model = make_model(
        f"g (float[n,{channels},5,7] x) => (float[n,{channels},h,w0] y) "
        f"{{ y = Conv <pads=[1,0,1,2], group={group}> (x, w, b) }}",
        w=(channels, width, 3, 3),
        b=(channels,),
    )
    after, _ = apply_rules(model, RULE)
    assert next(a.i for a in after.graph.node[0].attribute if a.name == "group") == group // share
    assert_same(model, after)


def test_groups_that_do_not_add_up_and_depthwise_stay(make_model, apply_rules):
    odd = make_model("g (float[n,9,5,7] x) => (float[n,9,3,5] y) { y = Conv <group=3> (x, w) }", w=(9, 3, 3, 3))
    depthwise = make_model("g (float[n,9,5,7] x) => (float[n,9,3,5] y) { y = Conv <group=9> (x, w) }", w=(9, 1, 3, 3))
    assert "do not add up" in apply_rules(odd, RULE)[1].skips[0].why
    assert not apply_rules(depthwise, RULE)[1].changes
