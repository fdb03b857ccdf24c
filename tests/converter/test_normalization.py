import numpy as np
import pytest
from planish.converter import normalization
from planish.converter.onnx_builder import OnnxBuilder
from planish.runtime_check.session import Session

RANDOM = np.random.default_rng(5)


def sample(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def run(emit, data):
    builder = OnnxBuilder("normalization")
    builder.input("x", ["batch", *data.shape[1:]])
    name = emit(builder)
    builder.output(name)
    return Session(builder.build().to_model()).run({"x": data})[name]


@pytest.mark.parametrize(("shape", "axis"), [((2, 3, 5, 7), 1), ((2, 5, 7, 3), 3), ((2, 5, 7, 3), -1), ((2, 6), 1)])
def test_batch_normalize_at_any_axis(shape, axis):
    data, channels = sample(*shape), shape[axis]
    scale, bias, mean = sample(3, channels)
    variance = sample(channels) ** 2
    result = run(
        lambda b: normalization.batch_normalize(
            b, "x", scale=scale, bias=bias, mean=mean, variance=variance, epsilon=1e-3, axis=axis, rank=len(shape)
        ),
        data,
    )
    moved = np.moveaxis(data, axis, -1)
    expected = np.moveaxis((moved - mean) / np.sqrt(variance + 1e-3) * scale + bias, -1, axis)
    assert result == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("axes", [(1,), (2, 3), (1, 2, 3)])
def test_l2_normalize_adds_epsilon_inside_the_root(axes):
    data = sample(2, 3, 5, 7)
    result = run(lambda b: normalization.l2_normalize(b, "x", axes, 0.5), data)
    assert result == pytest.approx(data / np.sqrt((data**2).sum(axes, keepdims=True) + 0.5), abs=1e-5)


def test_respond_across_channels():
    data = sample(2, 7, 3, 4)
    result = run(lambda b: normalization.respond_across_channels(b, "x", size=3, alpha=0.7, beta=0.6, k=2.0), data)
    padded = np.pad(data**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    total = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    assert result == pytest.approx(data / (2.0 + 0.7 / 3 * total) ** 0.6, abs=1e-5)


@pytest.mark.parametrize("size", [3, 5])
def test_respond_within_channel_counts_the_padding(size):
    data = sample(2, 3, 6, 7)
    result = run(
        lambda b: normalization.respond_within_channel(b, "x", sizes=(6, 7), size=size, alpha=0.9, beta=0.75), data
    )
    half = size // 2
    padded = np.pad(data**2, ((0, 0), (0, 0), (half, half), (half, half)))
    average = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3)).mean((-1, -2))
    assert result == pytest.approx(data * (1 + 0.9 * average) ** -0.75, abs=1e-5)


@pytest.mark.parametrize("axes", [(2, 3), (1, 2, 3)])
@pytest.mark.parametrize("inside_root", [True, False])
def test_standardize_places_epsilon(axes, inside_root):
    data = sample(2, 3, 5, 7)
    result = run(lambda b: normalization.standardize(b, "x", axes, epsilon=0.1, inside_root=inside_root), data)
    variance = data.var(axes, keepdims=True)
    deviation = np.sqrt(variance + 0.1) if inside_root else np.sqrt(variance) + 0.1
    assert result == pytest.approx((data - data.mean(axes, keepdims=True)) / deviation, abs=1e-5)


def test_standardize_without_variance():
    data = sample(2, 3, 5, 7)
    result = run(lambda b: normalization.standardize(b, "x", (2, 3), epsilon=None, inside_root=False), data)
    assert result == pytest.approx(data - data.mean((2, 3), keepdims=True), abs=1e-6)


@pytest.mark.parametrize("parameters", [2, 6])
def test_group_normalize_with_parameters_per_group_or_channel(parameters):
    data, scale, bias = sample(3, 6, 5, 7), sample(parameters), sample(parameters)
    result = run(
        lambda b: normalization.group_normalize(b, "x", 2, scale, bias, epsilon=1e-2, channels=6, spatial=(5, 7)),
        data,
    )
    grouped = data.reshape(3, 2, -1)
    normal = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) + 1e-2)
    each = 6 // parameters
    expected = normal.reshape(data.shape) * scale.repeat(each)[:, None, None] + bias.repeat(each)[:, None, None]
    assert result == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("opset", [17, 18])
def test_reductions_are_valid_at_each_opset(opset):
    data = sample(2, 3, 5, 7)
    builder = OnnxBuilder("normalization", opset)
    builder.input("x", data.shape)
    builder.output(normalization.l2_normalize(builder, "x", (1,), 0.5, "y"))
    result = Session(builder.build().to_model()).run({"x": data})["y"]
    assert result == pytest.approx(data / np.sqrt((data**2).sum(1, keepdims=True) + 0.5), abs=1e-5)
