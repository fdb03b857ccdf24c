"""ResNets: names of blocks, strides, the bias of conv1."""

import re

import pytest
from planish.models.architectures.resnet import resnet


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (
            (3, 4, 6, 3),
            ["2a", "2b", "2c", "3a", "3b", "3c", "3d", "4a", "4b", "4c", "4d", "4e", "4f", "5a", "5b", "5c"],
        ),
        ((1, 1, 8, 1), ["2a", "3a", "4a", "4b1", "4b2", "4b3", "4b4", "4b5", "4b6", "4b7", "5a"]),
    ],
)
def test_blocks_are_named_as_published(blocks, expected):
    text = resnet("n", blocks)
    assert re.findall(r'name: "res(\w+)" type: "Eltwise"', text) == expected
    assert re.findall(r'name: "bn(\w+)_branch2a"', text) == expected


def test_only_the_first_block_of_a_stage_has_a_projection_and_it_strides_from_stage_3_on():
    text = resnet("n", (2, 2, 2, 2))
    assert re.findall(r'name: "res(\w+)_branch1" ', text) == ["2a", "3a", "4a", "5a"]
    assert re.findall(r'name: "res(\w+)" type: "Convolution"[^\n]*stride: 2', text) == [
        f"{stage}a_branch{branch}" for stage in (3, 4, 5) for branch in ("1", "2a")
    ]


def test_conv1_has_a_bias_in_resnet_50_only():
    assert "bias_term: false" not in resnet("n", (3, 4, 6, 3)).splitlines()[2]
    assert "bias_term: false" in resnet("n", (3, 4, 23, 3)).splitlines()[2]
