import json

import numpy as np
import onnx
import pytest
from planish.errors import SourceError, UnsupportedError
from planish.runtime_check.session import Session

RNG = np.random.default_rng(0)
CHAIN = """
name: "chain" input: "data" input_shape { dim: 1 dim: 2 dim: 5 dim: 7 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 3 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "c" top: "c" }
layer { name: "half" type: "Power" bottom: "c" top: "h" power_param { scale: 0.5 } }
layer { name: "drop" type: "Dropout" bottom: "h" top: "h" }
layer { name: "tanh" type: "TanH" bottom: "h" top: "h" }
"""
WEIGHTS = {"conv": [RNG.standard_normal((3, 2, 3, 3)), RNG.standard_normal(3)]}


def shapes(values):
    return {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in values
    }


def notes(parts):
    return json.loads({p.key: p.value for p in parts.model.metadata_props}["planish.provenance"])["notes"]


def test_nodes_are_named_after_layers_and_tensors_after_blobs(convert_net):
    graph = convert_net(CHAIN, WEIGHTS).model.graph
    assert [(node.name, node.output[0]) for node in graph.node] == [
        ("conv", "c"),
        ("relu", "c:relu"),
        ("half", "h:half"),
        ("tanh", "h"),
    ]


def test_the_model_is_valid_and_its_batch_dynamic(convert_net):
    model = convert_net(CHAIN, WEIGHTS).to_model()
    onnx.checker.check_model(model, full_check=True)
    assert shapes(model.graph.input) == {"data": ["batch", 2, 5, 7]}
    assert shapes(model.graph.output) == {"h": ["batch", 3, 3, 5]}
    x = RNG.standard_normal((4, 2, 5, 7)).astype(np.float32)
    whole = Session(model).run({"data": x})["h"]
    single = np.concatenate([Session(model).run({"data": sample[None]})["h"] for sample in x])
    np.testing.assert_allclose(whole, single, rtol=1e-5)


def test_a_fixed_batch(convert_net):
    graph = convert_net(CHAIN, WEIGHTS, batch=3).model.graph
    assert (shapes(graph.input), shapes(graph.output)) == ({"data": [3, 2, 5, 7]}, {"h": [3, 3, 3, 5]})


@pytest.mark.parametrize("opset", [13, 18, 21])
def test_other_opsets(convert_net, opset):
    model = convert_net(CHAIN, WEIGHTS, opset=opset).to_model()
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == opset


def test_an_opset_that_cannot_be_written(convert_net):
    with pytest.raises(SourceError, match="opset 7 cannot be written; give one of 13 to 21"):
        convert_net(CHAIN, WEIGHTS, opset=7)


def test_the_same_input_gives_the_same_bytes(convert_net):
    first, second = (convert_net(CHAIN, WEIGHTS).to_model().SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_a_net_cut_at_an_output(convert_net):
    graph = convert_net(CHAIN, WEIGHTS, outputs=["c"]).model.graph
    assert [node.name for node in graph.node] == ["conv", "relu"]
    assert list(shapes(graph.output)) == ["c"]


def test_a_net_cut_at_an_input_needs_neither_weights_nor_shape(convert_net):
    graph = convert_net(CHAIN, WEIGHTS, inputs=["c"]).model.graph
    assert [node.name for node in graph.node] == ["half", "tanh"]
    assert shapes(graph.input) == {"c": ["batch", 3, 3, 5]}


def test_another_input_shape(convert_net):
    graph = convert_net(CHAIN, WEIGHTS, input_shapes={"data": (1, 2, 9, 8)}).model.graph
    assert shapes(graph.output) == {"h": ["batch", 3, 7, 6]}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"outputs": ["hh"]}, "has no blob 'hh'; did you mean 'h'?"),
        ({"inputs": ["x"]}, "has no blob 'x'"),
        ({"outputs": ["data"]}, "no layer lies between the inputs and data"),
        ({"input_shapes": {"dat": (1,)}}, "'dat' is no input"),
        ({"input_shapes": {"data": (1, 2, 2, 2)}}, "larger than its padded bottom"),
        ({"input_shapes": {"data": (1, 2, 10**6, 10**6)}}, "more than the 2147483647 values of a blob"),
    ],
)
def test_a_cut_that_is_not_possible(convert_net, options, problem):
    with pytest.raises(SourceError) as caught:
        convert_net(CHAIN, WEIGHTS, **options)
    assert problem in str(caught.value)


def test_all_unsupported_layers_are_named_at_once(convert_net):
    net = (
        'input: "data" input_shape { dim: 1 dim: 2 dim: 5 dim: 7 }\n'
        'layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { pool: STOCHASTIC } }\n'
        'layer { name: "q" type: "Convolutoin" bottom: "p" top: "q" }\n'
        'layer { name: "r" type: "ReLU" bottom: "q" top: "r" }\n'
        'layer { name: "s" type: "Python" bottom: "data" top: "s" }\n'
    )
    with pytest.raises(UnsupportedError) as caught:
        convert_net(net)
    assert len(caught.value.reasons) == 3
    assert ":2: layer 'p' (Pooling): STOCHASTIC pooling has no ONNX operator" in caught.value.reasons[0]
    assert "layer 'q' (Convolutoin): no handler for this type; did you mean 'Convolution'?" in caught.value.reasons[1]
    assert "layer 's' (Python)" in caught.value.reasons[2]


def test_unknown_fields_are_ignored_with_a_note(convert_net):
    net = CHAIN.replace("kernel_size: 3", "kernel_size: 3 weight_filler { type: 'xavier' } quantum: 7")
    (note,) = notes(convert_net(net, WEIGHTS))
    assert "layer 'conv' (Convolution): ignored convolution_param fields that are not known to it: quantum" in note


def test_a_layer_that_is_bound_to_the_batch_fixes_it_with_a_note(convert_net):
    net = CHAIN + 'layer { name: "all" type: "Reshape" bottom: "h" top: "v" reshape_param { shape { dim: 45 } } }'
    parts = convert_net(net, WEIGHTS)
    assert shapes(parts.model.graph.output) == {"v": [45]}
    assert "the batch size is fixed at 1" in notes(parts)[0]


def test_an_output_that_is_an_input_or_is_handed_on_keeps_its_name(convert_net):
    net = 'input: "x" input_shape { dim: 2 dim: 3 } layer { name: "d" type: "Split" bottom: "x" top: "a" top: "b" }'
    model = convert_net(net).to_model()
    onnx.checker.check_model(model, full_check=True)
    assert list(shapes(model.graph.output)) == ["a", "b"]


def test_duplicate_layer_names_give_distinct_nodes(convert_net):
    net = CHAIN.replace('name: "half"', 'name: "relu"')
    model = convert_net(net, WEIGHTS).to_model()
    onnx.checker.check_model(model, full_check=True)
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)


def test_input_without_a_shape(convert_net):
    net = 'layer { name: "d" type: "Data" top: "data" } layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    with pytest.raises(SourceError, match="input 'data' has no shape; give --input-shape data="):
        convert_net(net)
    graph = convert_net(net, input_shapes={"data": (2, 3)}).model.graph
    assert shapes(graph.input) == {"data": ["batch", 3]}


def test_a_bottom_that_nothing_makes(convert_net):
    with pytest.raises(SourceError, match="bottom 'dat' is the top of no layer before it"):
        convert_net('input: "data" input_shape { dim: 1 } layer { name: "r" type: "ReLU" bottom: "dat" top: "r" }')
