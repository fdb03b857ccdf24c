import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from planish.passes.quantize.grid import activation_grid


@pytest.mark.parametrize(("low", "high"), [(-1.3, 2.9), (0.0, 6.0), (-4.0, 0.0), (0.4, 5.0)])
@pytest.mark.parametrize("signed", [False, True])
def test_covers_the_range_as_onnx_defines_it(low, high, signed, rng):
    grid = activation_grid(low, high, signed=signed)
    text = (
        f'<ir_version: 9, opset_import: ["" : 19]> g (float[7,11] x) => (float[7,11] y) <float s = {{{grid.scale!r}}},'
    )
    text += f" {'int8' if signed else 'uint8'} z = {{{grid.zero_point}}}>"
    text += " { q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z) }"
    model = onnx.parser.parse_model(text)
    x = rng.uniform(min(low, 0), max(high, 0), (7, 11)).astype(np.float32)
    got = ReferenceEvaluator(model).run(None, {"x": x})[0]
    assert np.abs(got - x).max() <= grid.scale * 1.01
    assert grid.saturates


def test_nothing_negative_puts_zero_at_the_smallest_integer():
    assert activation_grid(0.1, 3.0).zero_point == 0
    assert activation_grid(0.0, 3.0, signed=True).zero_point == -128


def test_ends_within_a_clip_bound():
    for bound in (6.0, 1.0, 0.3, 5.1):
        assert np.float32(255) * np.float32(activation_grid(0.0, bound).scale) <= np.float32(bound)


def test_a_constant_zero_has_a_grid():
    grid = activation_grid(0.0, 0.0)
    assert grid.scale > 0
    assert grid.low <= 0 <= grid.high


def test_few_bits_use_few_levels():
    grid = activation_grid(-1.0, 2.0, bits=3)
    assert grid.highest - grid.lowest == 7
    assert not grid.saturates
