"""gluon's MobileNet has the layers of Caffe's."""

from planish.converter.mxnet.symbol import VARIABLE, parse_symbol
from planish.models.architectures.gluon_mobilenet import gluon_mobilenet


def convolutions(parts):
    return [
        (parts.tensors[node.input[1]].shape, [list(a.ints) for a in node.attribute if a.name == "strides"])
        for node in parts.model.graph.node
        if node.op_type == "Conv"
    ]


def test_convolutions_are_those_of_caffes(skeleton):
    expected = convolutions(skeleton("caffe_mobilenet"))
    # What Caffe's net has as a 1x1 convolution after the pooling is a fully connected layer here.
    assert expected[-1][0] == (1000, 1024, 1, 1)
    assert convolutions(skeleton("mxnet_mobilenet1_0")) == expected[:-1]


def test_blocks_are_counted_as_gluon_counts_them():
    names = [node.name for node in parse_symbol(gluon_mobilenet()).nodes if node.operator == VARIABLE]
    assert [name for name in names if name.endswith("running_var")] == [
        f"features.{place}.running_var" for place in range(1, 80, 3)
    ]
