"""Every entry of the catalogue is complete, and its structure is the network that it says."""

import re

import pytest
from planish.errors import PlanishError
from planish.models import data_file, find_network, networks
from planish.models.catalogue import FOLDER
from planish.runtime_check.cost import count

REQUIRED = {
    "caffe_vgg16",
    "caffe_vgg19",
    "caffe_googlenet",
    "caffe_alexnet",
    "caffe_squeezenet_v1_1",
    "caffe_resnet50",
    "caffe_digits",
    "mxnet_resnet50",
    "mxnet_resnet50_v2",
    "mxnet_vgg16",
    "mxnet_squeezenet1_1",
    "mxnet_mobilenet1_0",
}
NAMES = sorted(networks())


def test_the_catalogue_has_what_it_must_have():
    assert set(NAMES) >= REQUIRED
    assert len(NAMES) == len([*FOLDER.glob("caffe_*.py"), *FOLDER.glob("mxnet_*.py")])


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_complete(name):
    entry = find_network(name)
    assert name.startswith(f"{entry.framework}_")
    assert entry.description
    assert entry.source
    assert entry.labels
    weights = entry.weights
    assert weights.license
    assert weights.bytes >= 4 * entry.parameters
    assert weights.bytes < 4.1 * entry.parameters or name == "caffe_googlenet"  # which holds its auxiliary heads too
    assert not weights.sha256 or re.fullmatch("[0-9a-f]{64}", weights.sha256)
    assert not weights.sha1 or re.fullmatch("[0-9a-f]{40}", weights.sha1)
    if not weights.urls:
        assert (FOLDER / weights.file).stat().st_size == weights.bytes
    else:
        assert weights.checksum or "checksum" in weights.note
        assert all(url.startswith("http") for url in weights.urls)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_input_are_those_of_the_entry(name, skeleton):
    entry = find_network(name)
    parts = skeleton(name)
    # A BatchNormalization has a mean and a variance; Caffe's also a gain of 1 and a bias of 0, for Scale has its own.
    # ResNet v2 normalizes its image by a gain of 1 and a bias of 0 that its file holds, but that it did not learn.
    per_channel = 4 if entry.framework == "caffe" else 2
    statistics = sum(
        per_channel * parts.tensors[node.input[1]].size
        for node in parts.model.graph.node
        if node.op_type == "BatchNormalization"
    )
    learned = sum(array.size for array in parts.tensors.values() if array.dtype == "float32") - statistics
    assert learned == entry.parameters + (6 if name == "mxnet_resnet50_v2" else 0)
    (graph_input,) = parts.model.graph.input
    assert graph_input.name == entry.preprocessing.input
    sizes = [axis.dim_value for axis in graph_input.type.tensor_type.shape.dim]
    assert tuple(sizes[2:]) == entry.preprocessing.size
    assert sizes[1] in {1, 3}
    assert len(entry.preprocessing.mean) in {1, sizes[1]}


# The well-known counts: convolutions and fully connected layers, without biases, at the entry's input size.
MACS = {
    "caffe_vgg16": 15_470_264_320,
    "caffe_vgg19": 19_632_062_464,
    "caffe_alexnet": 724_406_816,
    "caffe_googlenet": 1_582_671_872,
    "caffe_resnet50": 3_857_973_248,
    "caffe_mobilenet": 568_740_352,
    "mxnet_vgg16": 15_470_264_320,
    "mxnet_resnet50": 3_857_973_248,
    "mxnet_resnet50_v2": 4_089_184_256,
    "mxnet_mobilenet1_0": 568_740_352,
    "mxnet_squeezenet1_1": 349_151_936,
}


@pytest.mark.parametrize(("name", "macs"), MACS.items())
def test_macs_are_the_known_ones(name, macs, skeleton):
    assert count(skeleton(name)).macs() == macs


def test_an_unknown_network_is_refused_with_the_nearest():
    with pytest.raises(PlanishError, match="no network 'caffe_vgg6'; did you mean 'caffe_vgg16'"):
        find_network("caffe_vgg6")
    with pytest.raises(PlanishError, match="it has caffe_alexnet, "):
        find_network("zzz")


def test_data_that_is_not_packaged_is_refused():
    assert data_file(find_network("caffe_digits"), "evaluation").is_file()
    with pytest.raises(PlanishError, match="no evaluation data is packaged"):
        data_file(find_network("caffe_vgg16"), "evaluation")
