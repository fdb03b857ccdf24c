"""VGG: names and order of the layers."""

import re

from planish.models.architectures.vgg import vgg


def test_layers_are_named_and_chained_as_published():
    text = vgg("n", (1, 2, 1, 1, 1))
    layers = re.findall(r'name: "(\S+)" type: "(\w+)" bottom: "(\S+)" top: "(\S+)"', text)
    names = [name for name, *_ in layers]
    assert names[:8] == ["conv1_1", "relu1_1", "pool1", "conv2_1", "relu2_1", "conv2_2", "relu2_2", "pool2"]
    assert names[-8:] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob"]
    assert ("conv2_2", "Convolution", "conv2_1", "conv2_2") in layers
    assert ("fc6", "InnerProduct", "pool5", "fc6") in layers


def test_stages_have_as_many_convolutions_as_asked_for():
    counts = (2, 2, 4, 4, 4)
    text = vgg("n", counts)
    assert [len(re.findall(rf'"conv{stage}_\d" type', text)) for stage in range(1, 6)] == list(counts)
