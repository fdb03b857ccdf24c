"""Poolings of whole maps."""

import pytest
from planish.passes.exact.global_pool import RULE


@pytest.mark.parametrize("operator", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("attributes", ["", ", strides=[3,1]", ', auto_pad="VALID"', ", ceil_mode=1"])
def test_they_become_global(make_model, assert_same, apply_rules, operator, attributes):
    model = make_model(
        f"g (float[n,3,5,7] x) => (float[n,3,1,1] y) {{ y = {operator} <kernel_shape=[5,7]{attributes}> (x) }}"
    )
    after, result = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == [f"Global{operator}"]
    assert not after.graph.node[0].attribute
    assert_same(model, after)
    assert len(result.changes) == 1


@pytest.mark.parametrize(
    "body",
    [
        "y = AveragePool <kernel_shape=[5,6]> (x)",
        "y = AveragePool <kernel_shape=[5,7], pads=[0,1,0,0]> (x)",
        "y = AveragePool <kernel_shape=[5,7], pads=[0,1,0,0], strides=[2,3]> (x)",
        'y = MaxPool <kernel_shape=[5,7], auto_pad="SAME_UPPER"> (x)',
        "y, where = MaxPool <kernel_shape=[5,7]> (x)",
    ],
)
def test_others_stay(make_model, apply_rules, body):
    model = make_model(f"g (float[n,3,5,7] x) => (float[n,3,h,w] y) {{ {body} }}")
    assert not apply_rules(model, RULE)[1].changes


def test_maps_of_open_size_and_of_one_position_stay(make_model, apply_rules):
    for size, window in (("h,w", "5,7"), ("1,1", "1,1")):
        text = f"g (float[n,3,{size}] x) => (float[n,3,i,j] y) {{ y = MaxPool <kernel_shape=[{window}]> (x) }}"
        assert not apply_rules(make_model(text), RULE)[1].changes
