"""What onnxruntime makes of QDQ models."""

import numpy as np
import onnx
import pytest
from planish.runtime_check.integer_layers import integer_layers

QDQ = """<ir_version: 9, opset_import: ["" : 17]>
g (float[1,3,5,7] x) => (float[1,6,5,7] y) <float s = {0.02}, uint8 z = {0}> {
    q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
    w = DequantizeLinear<axis = 0>(wq, ws, wz)
    c = Conv(d, w)  r = Relu(c)
    rq = QuantizeLinear(r, s, z)  rd = DequantizeLinear(rq, s, z)
    [last] y = Conv(rd, v)
}"""


@pytest.fixture
def quantized(rng):
    model = onnx.parser.parse_model(QDQ)
    arrays = {
        "wq": rng.integers(-127, 128, (4, 3, 1, 1), np.int8),
        "ws": rng.random(4, np.float32) / 100,
        "wz": np.zeros(4, np.int8),
        "v": rng.standard_normal((6, 4, 1, 1)).astype(np.float32),
    }
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in arrays.items())
    return model


def test_counts_integer_layers_and_names_float_ones(quantized):
    found = integer_layers(quantized)
    assert found.integer == 1
    assert found.floating == ("last",)


def test_a_float_model_has_none(classifier):
    assert integer_layers(classifier()) is None
