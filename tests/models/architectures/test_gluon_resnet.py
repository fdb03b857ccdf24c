"""gluon's ResNets: names of parameters, strides, biases."""

import re

import pytest
from planish.converter.mxnet.symbol import VARIABLE, parse_symbol
from planish.models.architectures.gluon_resnet import gluon_resnet_v1, gluon_resnet_v2


def options(text, operator):
    """Options of the operators of a type, by the path of their first parameter."""
    symbol = parse_symbol(text)
    return {
        symbol.nodes[node.inputs[1].node].name.rpartition(".")[0]: node.options
        for node in symbol.nodes
        if node.operator == operator
    }


@pytest.mark.parametrize(("make", "first"), [(gluon_resnet_v1, 4), (gluon_resnet_v2, 5)])
def test_the_first_block_of_every_stage_has_a_projection(make, first):
    paths = options(make((2, 1, 3, 1)), "Convolution")
    projections = [path for path in paths if ".downsample" in path]
    assert [path.partition(".downsample")[0] for path in projections] == [
        f"features.{first + stage}.0" for stage in range(4)
    ]
    blocks = {match[0] for path in paths if (match := re.match(r"features\.\d+\.\d+", path))}
    assert len(blocks) == 7


@pytest.mark.parametrize(
    ("make", "strided"),
    [
        (
            gluon_resnet_v1,
            ["features.0", *(f"features.{s}.0.{p}" for s in (5, 6, 7) for p in ("body.0", "downsample.0"))],
        ),
        (gluon_resnet_v2, ["features.1", *(f"features.{s}.0.{p}" for s in (6, 7, 8) for p in ("conv2", "downsample"))]),
    ],
)
def test_strides_lie_in_the_1x1_convolution_in_version_1_and_in_the_3x3_in_version_2(make, strided):
    found = options(make((2, 2, 2, 2)), "Convolution")
    assert [path for path, values in found.items() if values.get("stride") == "(2, 2)"] == strided


def test_version_1_has_biases_in_its_1x1_convolutions_but_the_projections():
    found = options(gluon_resnet_v1((1, 1, 1, 1)), "Convolution")
    biased = {path.partition(".0.")[2] for path, values in found.items() if "no_bias" not in values}
    assert biased == {"body.0", "body.6"}
    assert all("no_bias" in values for values in options(gluon_resnet_v2((1, 1, 1, 1)), "Convolution").values())


def test_version_2_normalizes_the_image_without_a_gain():
    found = options(gluon_resnet_v2((1, 1, 1, 1)), "BatchNorm")
    assert [path for path, values in found.items() if values["fix_gamma"] == "True"] == ["features.0"]
    assert list(found)[-1] == "features.9"


def test_every_parameter_has_one_name_only():
    for make in (gluon_resnet_v1, gluon_resnet_v2):
        names = [node.name for node in parse_symbol(make((3, 4, 6, 3))).nodes if node.operator == VARIABLE]
        assert len(names) == len(set(names))
