"""AlexNet and CaffeNet differ in one order only."""

import re

import pytest
from planish.models.architectures.alexnet import alexnet


@pytest.mark.parametrize(
    ("pool_first", "order"),
    [(False, ["relu1", "norm1", "pool1", "conv2"]), (True, ["relu1", "pool1", "norm1", "conv2"])],
)
def test_order_of_pooling_and_normalization(pool_first, order):
    names = re.findall(r'layer { name: "(\w+)"', alexnet("n", pool_first=pool_first))
    start = names.index("relu1")
    assert names[start : start + 4] == order


def test_second_fourth_and_fifth_convolutions_have_two_groups():
    grouped = re.findall(r'name: "(conv\d)"[^\n]*group: 2', alexnet("n", pool_first=False))
    assert grouped == ["conv2", "conv4", "conv5"]
