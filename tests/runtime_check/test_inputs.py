"""What models want to be fed."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from planish.errors import DataError, ModelError
from planish.runtime_check.inputs import InputSpec, common_inputs, model_inputs

FLOAT = np.dtype(np.float32)


def test_symbolic_sizes_are_open(classifier):
    (spec,) = model_inputs(classifier(size=("h", 10)))
    assert spec == InputSpec("data", (None, 3, None, 10), FLOAT)
    assert spec.accepts((3, 8, 10))
    assert not spec.accepts((3, 8, 11))
    assert not spec.accepts((3, 8))
    assert str(spec) == "data: float32 (?, 3, ?, 10)"


def test_initializers_that_are_inputs_too_are_none(classifier):
    model = classifier()
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims))
    assert [spec.name for spec in model_inputs(model)] == ["data"]


def test_given_shapes(classifier):
    model = classifier(size=("h", "w"))
    assert model_inputs(model, {"data": (1, 3, 6, 10)})[0].shape == (None, 3, 6, 10)
    with pytest.raises(ModelError, match="no input 'dat'; did you mean 'data'"):
        model_inputs(model, {"dat": (1, 3, 6, 10)})
    with pytest.raises(ModelError, match="contradicts the model's data"):
        model_inputs(model, {"data": (1, 4, 6, 10)})


def test_common_inputs_take_what_the_other_leaves_open(classifier):
    a, b = model_inputs(classifier(batch=4)), model_inputs(classifier(size=("h", 10)))
    assert common_inputs(a, b, "a", "b")[0].shape == (4, 3, 6, 10)


def test_different_inputs_are_told(classifier):
    a = model_inputs(classifier())
    with pytest.raises(DataError, match=r"a\.onnx has the inputs data: .* but b\.onnx has image: "):
        common_inputs(a, model_inputs(classifier(input_name="image")), "a.onnx", "b.onnx")
    with pytest.raises(DataError, match=r"wants data: float32 \(\?, 3, 6, 10\), but b wants .*7, 10\)"):
        common_inputs(a, model_inputs(classifier(size=(7, 10))), "a", "b")


def test_inputs_that_are_no_tensors():
    value = onnx.ValueInfoProto(name="s", type=helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [2])))
    graph = helper.make_graph([], "g", [value], [])
    with pytest.raises(ModelError, match="'s' is no tensor"):
        model_inputs(helper.make_model(graph))
