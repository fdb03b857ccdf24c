"""Linear layers without anything between them."""

import pytest
from planish.passes.exact.merge_linear import RULE


@pytest.mark.parametrize(
    ("first", "second", "geometry"),
    [
        ((8, 4, 1, 1), (6, 8, 1, 1), "pads=[0,0,0,0]"),
        ((8, 4, 1, 1), (3, 8, 2, 3), "pads=[0,0,0,0]"),
        ((7, 4, 3, 2), (3, 7, 1, 1), "pads=[1,0,2,1], strides=[2,1]"),
    ],
)
def test_convolutions_merge_when_that_is_cheaper(make_model, assert_same, apply_rules, first, second, geometry):
    model = make_model(
        f"g (float[n,4,9,7] x) => (float[n,{second[0]},h,w0] y) "
        f"{{ a = Conv <{geometry}> (x, u, b) y = Conv (a, w, c) }}",
        u=first,
        b=(first[0],),
        w=second,
        c=(second[0],),
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Conv"]
    assert_same(model, after)


def test_a_bottleneck_is_left_as_it_is(make_model, apply_rules):
    model = make_model(
        "g (float[n,20] x) => (float[n,30] y) { a = Gemm (x, u) y = Gemm (a, w, c) }", u=(20, 4), w=(4, 30), c=(30,)
    )
    _, result = apply_rules(model, RULE)
    assert "would have more to multiply" in result.skips[0].why


@pytest.mark.parametrize(
    "second", ["Conv <pads=[1,1,1,1]> (a, w)", "Conv <strides=[2,1]> (a, w)", "Conv <group=2> (a, v)"]
)
def test_padding_and_strides_between_stay(make_model, apply_rules, second):
    text = f"g (float[n,4,9,7] x) => (float[n,3,h,w0] y) {{ a = Conv <pads=[1,1,1,1]> (x, u) y = {second} }}"
    model = make_model(
        text.replace("n,3,h", "n,4,h" if "group" in second else "n,3,h"), u=(8, 4, 3, 3), w=(3, 8, 1, 1), v=(4, 4, 1, 1)
    )
    assert not apply_rules(model, RULE)[1].changes
