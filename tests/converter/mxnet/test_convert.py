import json

import numpy as np
import pytest
from planish.errors import ModelError, SourceError, UnsupportedError
from planish.runtime_check.session import Session


def notes(parts):
    facts = {entry.key: entry.value for entry in parts.model.metadata_props}
    return json.loads(facts["planish.provenance"])["notes"]


def sizes(value):
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


def add_convolution(network, rng, name="conv", source=None):
    data = source or network.variable("data")
    weight = network.variable(f"{name}_weight", rng.normal(size=(4, 3, 3, 3)))
    return network.operator("Convolution", name, [data, weight], kernel="(3, 3)", num_filter=4, no_bias=True)


def test_the_batch_is_dynamic(network, rng):
    conv = add_convolution(network, rng)
    flat = network.operator("Reshape", "flat", [conv], shape="(0, -1)")
    network.operator(
        "FullyConnected",
        "fc",
        [flat, network.variable("w", rng.normal(size=(2, 60))), network.variable("b", np.ones(2))],
        num_hidden=2,
    )
    parts = network.convert(input_shapes={"data": (1, 3, 5, 7)})
    assert sizes(parts.model.graph.input[0]) == ["batch", 3, 5, 7]
    assert sizes(parts.model.graph.output[0]) == ["batch", 2]
    assert notes(parts) == []
    session = Session(parts.to_model())
    many = rng.normal(size=(3, 3, 5, 7)).astype(np.float32)
    together = session.run({"data": many})["fc_output"]
    apart = [session.run({"data": each[None]})["fc_output"][0] for each in many]
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-5)


def test_a_merged_batch_stays_dynamic(network):
    network.operator("Reshape", "merged", [network.variable("data")], shape="(-3, -2)")
    parts = network.convert(input_shapes={"data": (2, 3, 5)})
    assert sizes(parts.model.graph.output[0]) == ["3*batch", 5]


@pytest.mark.parametrize(
    ("op", "options", "reason"),
    [
        ("Reshape", {"shape": "(2, -1)"}, "does not become"),
        ("slice_axis", {"axis": 0, "begin": 0, "end": 1}, "takes a part of the batch"),
        ("squeeze", {}, "drops every axis of size 1"),
        ("_contrib_arange_like", {"axis": 0}, "counts the batch"),
    ],
)
def test_a_batch_that_must_be_fixed_is_noted(network, op, options, reason):
    network.operator(op, "net", [network.variable("data")], **options)
    parts = network.convert(input_shapes={"data": (2, 3, 5)})
    assert sizes(parts.model.graph.input[0]) == [2, 3, 5]
    (note,) = [text for text in notes(parts) if "the batch is fixed at 2" in text]
    assert "2305843009213693951" not in note


def test_the_batch_can_be_fixed(network, rng):
    add_convolution(network, rng)
    parts = network.convert(input_shapes={"data": (1, 3, 5, 7)}, batch=4)
    assert sizes(parts.model.graph.input[0]) == [4, 3, 5, 7]
    assert sizes(parts.model.graph.output[0]) == [4, 4, 3, 5]


def test_the_shape_in_the_file_is_taken(network, rng):
    add_convolution(network, rng, source=network.variable("data", __shape__="(0, 3, 5, 7)"))
    assert sizes(network.convert().model.graph.input[0]) == ["batch", 3, 5, 7]


def test_a_vectors_length_follows_from_the_weight(network, rng):
    weight, bias = network.variable("w", rng.normal(size=(2, 11))), network.variable("b", np.ones(2))
    network.operator("FullyConnected", "fc", [network.variable("data"), weight, bias], num_hidden=2)
    assert sizes(network.convert().model.graph.input[0]) == ["batch", 11]


def test_an_unknown_shape_is_asked_for(network, rng):
    add_convolution(network, rng)
    with pytest.raises(SourceError, match=r"operator 'conv' \(Convolution\): reads 'data'.*--input-shape data="):
        network.convert()


@pytest.mark.parametrize(
    ("shapes", "complaint"),
    [({"dota": (1, 3, 5, 7)}, "did you mean 'data'"), ({"data": (1, 3, -5, 7)}, "is no shape")],
)
def test_wrong_shapes_are_refused(network, rng, shapes, complaint):
    add_convolution(network, rng)
    with pytest.raises(SourceError, match=complaint):
        network.convert(input_shapes=shapes)


def test_labels_are_not_inputs(network, rng):
    data = network.variable("data")
    label = network.operator("Reshape", "flat_label", [network.variable("softmax_label")], shape="(-1,)")
    network.operator("SoftmaxOutput", "softmax", [data, label])
    x = rng.normal(size=(2, 5)).astype(np.float32)
    (found,) = network.run({"data": x})
    np.testing.assert_allclose(found, np.exp(x) / np.exp(x).sum(1, keepdims=True), rtol=1e-5)


def test_several_heads_and_cuts(network, rng):
    conv = add_convolution(network, rng)
    relu = network.operator("Activation", "relu", [conv], act_type="relu")
    shapes = {"data": (1, 3, 5, 7)}
    outputs = network.convert(relu, conv, input_shapes=shapes).model.graph.output
    assert [value.name for value in outputs] == ["relu_output", "conv_output"]
    cut = network.convert(relu, input_shapes=shapes, outputs=["conv_output"])
    assert [node.op_type for node in cut.model.graph.node] == ["Conv"]
    with pytest.raises(SourceError, match="did you mean 'conv_output'"):
        network.convert(relu, input_shapes=shapes, outputs=["conv_outpt"])


def test_a_part_of_a_split_as_output(network, rng):
    parts = network.operator("SliceChannel", "split", [network.variable("data")], num_outputs=3)
    x = rng.normal(size=(2, 6, 5)).astype(np.float32)
    found = network.run({"data": x}, [parts[0], 2, 0], [parts[0], 2, 0])
    for array in found:
        np.testing.assert_array_equal(array, x[:, 4:])


def test_an_output_of_training_only(network):
    norm = network.operator("InstanceNorm", "norm", [network.variable(n) for n in ("data", "g", "b")])
    network.arrays = {"g": np.ones(3, np.float32), "b": np.ones(3, np.float32)}
    network.operator("relu", "relu", [[norm[0], 1, 0]])
    with pytest.raises(UnsupportedError, match="exists only in training"):
        network.convert(input_shapes={"data": (2, 3, 5)})


def test_all_unsupported_operators_are_reported_at_once(network):
    data = network.variable("data")
    first = network.operator("gamma", "one", [data])
    second = network.operator("Custom", "two", [data], op_type="mine")
    network.operator("Frobnicate", "three", [first, second])
    network.operator("softmx", "four", [data])
    with pytest.raises(UnsupportedError) as caught:
        network.convert([3, 0, 0], [4, 0, 0], input_shapes={"data": (2, 3)})
    assert len(caught.value.reasons) == 4
    assert "planish.mxnet_ops" in str(caught.value)
    assert "did you mean 'softmax'" in str(caught.value)


def test_missing_weights_are_named_or_made_up(network, rng):
    weight = network.variable("conv_weight")
    network.operator(
        "Convolution", "conv", [network.variable("data"), weight], kernel="(3, 3)", num_filter=4, no_bias=True
    )
    shapes = {"data": (1, 3, 5, 7)}
    with pytest.raises(SourceError, match=r"'conv_weight' of shape \(4, 3, 3, 3\) is not in .*net-0000.params"):
        network.convert(input_shapes=shapes)
    once, again = (network.convert(input_shapes=shapes, random_weights=3).tensors for _ in range(2))
    np.testing.assert_array_equal(once["conv_weight"], again["conv_weight"])
    assert 0.1 < once["conv_weight"].std() < 0.6


def test_a_weight_of_another_shape_is_refused(network, rng):
    weight = network.variable("w", rng.normal(size=(4, 2, 3, 3)))
    network.operator(
        "Convolution", "c", [network.variable("data"), weight], kernel="(3, 3)", num_filter=4, no_bias=True
    )
    with pytest.raises(SourceError, match=r"\(4, 2, 3, 3\) where \(4, 3, 3, 3\)"):
        network.convert(input_shapes={"data": (1, 3, 5, 7)})


def test_unknown_options_are_noted(network):
    network.operator("Activation", "act", [network.variable("data")], act_type="relu", temper="3")
    assert any("temper" in note for note in notes(network.convert(input_shapes={"data": (2, 3)})))


def test_names_are_mxnets(network, rng):
    network.operator("Activation", "relu0", [add_convolution(network, rng)], act_type="relu")
    graph = network.convert(input_shapes={"data": (1, 3, 5, 7)}).model.graph
    assert [(node.name, node.output[0]) for node in graph.node] == [("conv", "conv_output"), ("relu0", "relu0_output")]


@pytest.mark.parametrize("opset", [13, 16, 18, 21])
def test_other_opsets(network, rng, opset):
    mean = network.operator("mean", "mean", [add_convolution(network, rng)], axis="(2, 3)")
    x = rng.normal(size=(2, 3, 5, 7)).astype(np.float32)
    (found,) = network.run({"data": x}, mean, opset=opset)
    (wanted,) = network.run({"data": x}, mean)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_an_opset_that_cannot_be_written(network, rng):
    add_convolution(network, rng)
    with pytest.raises(SourceError, match="13 to 21"):
        network.convert(input_shapes={"data": (1, 3, 5, 7)}, opset=7)


def test_scalar_normalization_moves_into_the_metadata(network, rng):
    shifted = network.operator("_minus_scalar", "m", [network.variable("data")], scalar="127.5")
    scaled = network.operator("_mul_scalar", "s", [shifted], scalar="0.0078125")
    add_convolution(network, rng, source=scaled)
    x = rng.uniform(0, 255, (1, 3, 5, 7)).astype(np.float32)
    (whole,) = network.run({"data": x})
    parts = network.convert(input_shapes={"data": x.shape}, strip_preprocessing=True)
    facts = {entry.key: json.loads(entry.value) for entry in parts.model.metadata_props}["planish.preprocessing"]
    assert facts["mean"] == [127.5]
    assert facts["scale"] == [0.0078125]
    assert [node.op_type for node in parts.model.graph.node] == ["Conv"]
    (stripped,) = Session(parts.to_model()).run({"data": (x - 127.5) * np.float32(0.0078125)}).values()
    np.testing.assert_allclose(stripped, whole, rtol=1e-4, atol=1e-4)


def test_normalization_that_others_read_stays(network):
    shifted = network.operator("_minus_scalar", "m", [network.variable("data")], scalar="127.5")
    network.operator("elemwise_add", "sum", [shifted, [0, 0, 0]])
    parts = network.convert(input_shapes={"data": (1, 3)}, strip_preprocessing=True)
    assert [node.op_type for node in parts.model.graph.node] == ["Sub", "Add"]


def test_the_self_check_notices_another_shape(network, monkeypatch):
    from planish.converter.mxnet.ops import shape

    monkeypatch.setattr(shape, "count", lambda sizes: 30)
    network.operator("Flatten", "flat", [network.variable("data")])
    with pytest.raises(ModelError, match=r"shape \(2, 15\) in ONNX, but MXNet gives \(2, 30\)"):
        network.convert(input_shapes={"data": (2, 3, 5)})


def test_half_precision_is_computed_in_float32(network, rng):
    data = network.operator("Cast", "half", [network.variable("data")], dtype="float16")
    network.operator("_mul_scalar", "net", [data], scalar="3")
    x = rng.normal(size=(2, 3)).astype(np.float32)
    (found,) = network.run({"data": x})
    np.testing.assert_allclose(found, 3 * x)


def test_begin_states_whose_batch_is_left_open(network, rng):
    zeros = network.operator("_zeros", "state", [], shape="(0, 4)")
    weight = network.variable("w", rng.normal(size=(4, 4)))
    step = network.operator("FullyConnected", "h2h", [zeros, weight], num_hidden=4, no_bias=True)
    network.operator("elemwise_add", "sum", [network.variable("data"), step])
    x = rng.normal(size=(3, 4)).astype(np.float32)
    (found,) = network.run({"data": x})
    np.testing.assert_allclose(found, x)
