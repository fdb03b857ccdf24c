"""What onnxruntime makes of a model: checked on graphs whose fate is known."""

import numpy as np
import onnx
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


QDQ = """<ir_version: 9, opset_import: ["" : 17]>
g (float[1,3,5,7] x) => (float[1,6,5,7] y) <float s = {0.02}, uint8 z = {0}> {
    q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
    w = DequantizeLinear<axis = 0>(wq, ws, wz)
    c = Conv(d, w)  r = Relu(c)
    rq = QuantizeLinear(r, s, z)  rd = DequantizeLinear(rq, s, z)
    [last] y = Conv(rd, v)
}"""

WEIGHTS_ONLY = """<ir_version: 9, opset_import: ["" : 17]>
g (float[1,3,5,7] x) => (float[1,4,5,7] y) { w = DequantizeLinear<axis = 0>(wq, ws, wz)  [only] y = Conv(x, w) }"""


def quantized(rng, text):
    made = onnx.parser.parse_model(text)
    arrays = {
        "wq": rng.integers(-127, 128, (4, 3, 1, 1), np.int8),
        "ws": rng.random(4, np.float32) / 100,
        "wz": np.zeros(4, np.int8),
        "v": rng.standard_normal((6, 4, 1, 1)).astype(np.float32),
    }
    made.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    return made


def test_what_stays_float_in_a_quantized_model_is_named(rng):
    """A convolution between Q and DQ becomes an integer one, one without does not."""
    found = read_layout(quantized(rng, QDQ))
    assert (found.integer, found.floating) == (1, ("last",))
    assert describe_layout(found).startswith("1 layers compute in integers, 1 stayed float")


def test_weights_alone_make_no_integer_layer(rng):
    found = read_layout(quantized(rng, WEIGHTS_ONLY))
    assert (found.integer, found.floating) == (0, ("only",))
    assert describe_layout(found).startswith("0 layers compute in integers, 1 stayed float")


def test_a_model_without_convolutions_has_nothing_to_tell():
    found = read_layout(model([helper.make_node("Relu", ["x"], ["y"])], [], "y"))
    assert (found.integer, found.floating, found.unblocked, found.reorders) == (0, (), (), ())
    assert describe_layout(found) == ""
