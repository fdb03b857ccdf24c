import json

import numpy as np
import pytest
from planish.converter.caffe.convert import build_graph
from planish.converter.caffe.self_check import check_shapes
from planish.converter.caffe.sources import read_net_message, read_weights
from planish.converter.caffe.structure import read_structure
from planish.errors import ModelError

NET = """
input: "data" input_shape { dim: 1 dim: 2 dim: 5 dim: 7 }
layer { name: "r" type: "Reshape" bottom: "data" top: "r" reshape_param { shape { dim: 0 dim: 10 dim: 7 } } }
"""


@pytest.fixture
def graph(write_net):
    prototxt, _ = write_net(NET)
    net = read_structure(read_net_message(prototxt))
    made = build_graph(net, read_weights(None, net.layers, None), opset=17, batch=None)
    made.net = type(net)(net.name, net.file, net.inputs, net.layers, ("r",))
    made._declare_output("r")
    return made


def test_a_right_model_passes(graph):
    check_shapes(graph.builder.build(), graph)


def test_a_batch_size_that_is_baked_in_is_found(graph):
    target = next(name for name, array in graph.builder.tensors.items() if array.tolist() == [-1, 10, 7])
    graph.builder.tensors[target] = np.array([1, 10, 7])
    with pytest.raises(ModelError, match="this is a bug of planish"):
        check_shapes(graph.builder.build(), graph)


def test_another_shape_than_caffes_is_found(graph):
    target = next(name for name, array in graph.builder.tensors.items() if array.tolist() == [-1, 10, 7])
    graph.builder.tensors[target] = np.array([-1, 7, 10])
    with pytest.raises(ModelError, match=r"has shape \(2, 7, 10\) in onnxruntime, but Caffe gives \(2, 10, 7\)"):
        check_shapes(graph.builder.build(), graph)


def test_a_net_too_large_to_be_run_is_noted(convert_net):
    net = 'input: "x" input_shape { dim: 1 dim: 1 dim: 5000 dim: 4000 } layer { type: "ReLU" bottom: "x" top: "y" }'
    metadata = {entry.key: entry.value for entry in convert_net(net).model.metadata_props}
    assert "not run in onnxruntime" in json.loads(metadata["planish.provenance"])["notes"][0]
