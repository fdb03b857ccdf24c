"""Where two models part: wrong models are caught, and the layer is named."""

import math

import numpy as np
import onnx
import pytest
from planish.files import as_parts
from planish.runtime_check.check import check
from planish.runtime_check.data import open_data
from planish.runtime_check.inputs import model_inputs
from planish.runtime_check.layers import compare_layers


def scaled(tensors):
    tensors["w"] *= 1.02


def transposed(tensors):
    tensors["w"] = np.ascontiguousarray(tensors["w"][:, ::-1])


def turned(tensors):
    tensors["w"] = np.ascontiguousarray(tensors["w"][:, :, ::-1])


def without_bias(tensors):
    tensors["g"][:] = 0


def nothing(tensors):
    pass


@pytest.mark.parametrize(
    ("change", "layer"), [(scaled, "conv"), (transposed, "conv"), (turned, "conv"), (without_bias, "fc")]
)
def test_wrong_model_is_caught_and_the_layer_named(classifier, change, layer):
    result = check(classifier(), classifier(change=change), latency_seconds=0)
    assert result.first_different.node == layer
    assert result.first_different.inputs_sqnr_db == math.inf


def test_swapped_mean_is_caught_at_the_input(classifier, preprocessing, pictures):
    swapped = preprocessing.with_changes(mean=preprocessing.mean[::-1])
    models = classifier(preprocessing=preprocessing), classifier(preprocessing=swapped)
    result = check(*models, data=pictures[0], latency_seconds=0)
    assert (result.first_different.node, result.first_different.operator) == ("data", "input")
    assert result.models[0].preprocessing != result.models[1].preprocessing


def test_inputs_may_differ_where_the_outputs_do_not(classifier, preprocessing, pictures):
    """One model normalizes inside, the other is fed normalized images."""
    outside = preprocessing.with_changes(mean=(0.0,), scale=(0.5,))
    inside = classifier(preprocessing=preprocessing.with_changes(mean=(0.0,), scale=(1.0,)))
    inside.graph.node[0].input[0] = "scaled"
    inside.graph.node.insert(0, onnx.helper.make_node("Mul", ["data", "half"], ["scaled"]))
    inside.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(0.5), "half"))
    result = check(classifier(preprocessing=outside), inside, data=pictures[0], latency_seconds=0)
    assert result.layers[0].sqnr_db < 10
    assert result.first_different is None


def test_the_same_model_has_no_different_layer(classifier):
    result = check(classifier(), classifier(change=nothing), latency_seconds=0)
    assert result.first_different is None
    assert [layer.node for layer in result.layers] == ["data", "conv", "relu", "pool", "flat", "fc"]


def test_error_grows_from_the_layer_on(classifier):
    layers = {layer.node: layer for layer in check(classifier(), classifier(change=scaled), latency_seconds=0).layers}
    assert layers["data"].sqnr_db == math.inf
    assert layers["relu"].inputs_sqnr_db == layers["conv"].sqnr_db < 40


def test_only_tensors_of_both_models_are_compared(classifier):
    """The second model has the Relu renamed and a Conv that gives other channels."""
    other = classifier()
    other.graph.node[1].output[0] = other.graph.node[2].input[0] = "renamed"
    models = classifier(), other
    data = open_data(None, model_inputs(models[0]))
    found = compare_layers(tuple(as_parts(m) for m in models), ("a", "b"), [data], samples=3)
    assert [layer.tensor for layer in found.layers] == ["data", "conv", "pool", "flat", "scores"]
    assert found.samples == 3
    assert found.outputs == ("scores",)


def test_threshold(classifier):
    data = open_data(None, model_inputs(classifier()))
    models = as_parts(classifier()), as_parts(classifier(change=scaled))
    found = compare_layers(models, ("a", "b"), [data], samples=2)
    assert found.first_below(10) is None
    assert found.first_below(60).node == "conv"
