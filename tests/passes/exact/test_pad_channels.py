"""Channels padded to the block."""

from planish.passes.exact.pad_channels import RULE
from planish.passes.targets import find_target

BLOCK = find_target("onnxruntime").block


def test_a_narrow_depthwise_layer_gets_a_whole_block(make_model, assert_same, apply_rules):
    half = BLOCK // 2
    model = make_model(
        "g (float[n,3,20,18] x) => (float[n,5,20,18] y) { a = Conv <pads=[1,1,1,1]> (x, u, b) r = Relu (a) "
        f"d = Conv <group={half}, pads=[1,1,1,1]> (r, v, c) s = Sigmoid (d) y = Conv (s, w) }}",
        u=(half, 3, 3, 3),
        b=(half,),
        v=(half, 1, 3, 3),
        c=(half,),
        w=(5, half, 1, 1),
    )
    after, result = apply_rules(model, RULE)
    assert result.changes[0].what == f"pad_channels: {half} filters padded to {BLOCK}"
    sizes = {tuple(tensor.dims) for tensor in after.graph.initializer}
    assert {(BLOCK, 3, 3, 3), (BLOCK, 1, 3, 3), (5, BLOCK, 1, 1)} <= sizes
    assert_same(model, after)
    assert not apply_rules(after, RULE)[1].changes


def test_pooling_between_is_padded_along(make_model, assert_same, apply_rules):
    width = BLOCK + 4
    model = make_model(
        "g (float[n,3,20,18] x) => (float[n,5,10,9] y) { a = Conv <pads=[1,1,1,1]> (x, u) "
        "p = MaxPool <kernel_shape=[2,2], strides=[2,2]> (a) y = Conv <pads=[1,1,1,1]> (p, w) }",
        u=(width, 3, 3, 3),
        w=(5, width, 3, 3),
    )
    after, result = apply_rules(model, RULE)
    assert result.changes
    assert_same(model, after)


def test_channels_that_others_need_as_they_are_stay(make_model, apply_rules):
    model = make_model(
        "g (float[n,3,20,18] x) => (float[n,9,20,18] y) "
        "{ a = Conv (x, u) r = Relu (a) b = Conv (r, w) y = Add (r, b) }",
        u=(9, 3, 1, 1),
        w=(9, 9, 1, 1),
    )
    _, result = apply_rules(model, RULE)
    assert not result.changes
    assert "y (Add)" in result.skips[0].why
