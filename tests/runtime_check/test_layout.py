"""What onnxruntime makes of a model: checked on graphs whose fate is known."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from planish.runtime_check.layout import describe_layout, read_layout


def convolution(rng, name, source, channels, filters):
    weights = rng.standard_normal((filters, channels, 3, 3)).astype(np.float32)
    node = helper.make_node("Conv", [source, f"{name}/w"], [name], name=name, pads=[1, 1, 1, 1])
    return node, numpy_helper.from_array(weights, f"{name}/w")


def model(nodes, weights, output, extra=()):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 20, 24])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [*weights, *extra],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_width_that_is_no_multiple_of_four_leaves_the_blocked_layout(rng):
    """Three filters put the next convolution out of NCHWc, and a reorder between the two."""
    parts = [convolution(rng, "a", "x", 16, 32), convolution(rng, "b", "a", 32, 35), convolution(rng, "c", "b", 35, 32)]
    found = read_layout(model([node for node, _ in parts], [weights for _, weights in parts], "c"))
    if not found.reorders:
        pytest.skip("this processor has no blocked layout")
    assert found.integer == 0
    assert found.floating == ()
    assert found.unblocked == ("c",)
    assert "ReorderOutput after b, before c" in found.reorders
    assert describe_layout(found).startswith("1 float convolutions run outside NCHWc; ")


def test_what_stays_float_in_a_quantized_model_is_named(rng):
    """A convolution between QuantizeLinear and DequantizeLinear becomes an integer one, one without them does not."""
    nodes, weights = zip(*[convolution(rng, "a", "x_dq", 16, 16), convolution(rng, "b", "a_dq", 16, 16)], strict=True)
    constants = [
        numpy_helper.from_array(np.float32(0.05), "s"),
        numpy_helper.from_array(np.uint8(128), "z"),
        numpy_helper.from_array(np.zeros((16, 16, 3, 3), np.int8), "a/q"),
        numpy_helper.from_array(np.int8(0), "zw"),
    ]
    nodes[0].input[1] = "a/dq"
    graph = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["x_q"]),
        helper.make_node("DequantizeLinear", ["x_q", "s", "z"], ["x_dq"]),
        helper.make_node("DequantizeLinear", ["a/q", "s", "zw"], ["a/dq"]),
        nodes[0],
        helper.make_node("QuantizeLinear", ["a", "s", "z"], ["a_q"]),
        helper.make_node("DequantizeLinear", ["a_q", "s", "z"], ["a_dq"]),
        nodes[1],
    ]
    found = read_layout(model(graph, weights[1:], "b", constants))
    assert found.integer == 1
    assert found.floating == ("b",)
    assert "1 layers compute in integers, 1 stayed float" in describe_layout(found)


def test_a_model_without_convolutions_has_nothing_to_tell():
    found = read_layout(model([helper.make_node("Relu", ["x"], ["y"])], [], "y"))
    assert (found.integer, found.floating, found.unblocked, found.reorders) == (0, (), (), ())
    assert describe_layout(found) == ""
