import cv2
import numpy as np
import pytest
from planish.converter.onnx_builder import OnnxBuilder
from planish.converter.resize import repeat_pixels, resize_linear, resize_nearest, source_coordinates
from planish.runtime_check.session import Session

TARGETS = [(5, 7), (11, 9), (10, 21), (3, 4), (1, 1), (13, 1), (1, 15)]


def run(builder, name, data):
    builder.output(name)
    return Session(builder.build().to_model()).run({"x": data})[name]


def graph(data):
    builder = OnnxBuilder("resize")
    builder.input("x", ["batch", *data.shape[1:]])
    return builder


def sample(*shape):
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def interpolate(data, axis, target, coordinates):
    size = data.shape[axis]
    i = np.arange(target)
    place = {
        "align_corners": i * ((size - 1) / (target - 1) if target > 1 else 0),
        "half_pixel": (i + 0.5) * size / target - 0.5,
        "asymmetric": i * size / target,
    }[coordinates].clip(0, size - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, size - 1)
    weight = (place - low).reshape([-1 if k == axis else 1 for k in range(data.ndim)])
    return data.take(low, axis) * (1 - weight) + data.take(high, axis) * weight


@pytest.mark.parametrize("coordinates", ["align_corners", "half_pixel", "asymmetric"])
@pytest.mark.parametrize("target", TARGETS)
def test_linear_follows_the_definition(target, coordinates):
    data = sample(2, 3, 5, 7)
    builder = graph(data)
    result = run(builder, resize_linear(builder, "x", sizes=(5, 7), target=target, coordinates=coordinates), data)
    expected = interpolate(interpolate(data, 2, target[0], coordinates), 3, target[1], coordinates)
    assert result.shape == (2, 3, *target)
    assert result == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_half_pixel_equals_opencv(target):
    data = sample(1, 1, 5, 7)
    builder = graph(data)
    result = run(builder, resize_linear(builder, "x", sizes=(5, 7), target=target, coordinates="half_pixel"), data)
    assert result[0, 0] == pytest.approx(cv2.resize(data[0, 0], target[::-1], interpolation=cv2.INTER_LINEAR), abs=1e-5)


def test_every_pair_of_sizes_gives_the_size_wanted():
    for size in range(1, 40):
        for target in range(1, 60):
            data = sample(1, 1, size, 2)
            builder = graph(data)
            resize_linear(builder, "x", sizes=(size, 2), target=(target, 2), coordinates="half_pixel", output="y")
            scale = builder.tensors["scales"][2]
            assert int(np.float32(size) * scale) == target


@pytest.mark.parametrize("factors", [(2, 2), (3, 1), (1, 4)])
def test_pixels_are_repeated(factors):
    data = sample(2, 3, 5, 7)
    builder = graph(data)
    result = run(builder, repeat_pixels(builder, "x", factors), data)
    assert (result == data.repeat(factors[0], 2).repeat(factors[1], 3)).all()


@pytest.mark.parametrize("rounding", ["floor", "round_prefer_ceil"])
@pytest.mark.parametrize("coordinates", ["align_corners", "half_pixel", "asymmetric"])
@pytest.mark.parametrize("target", TARGETS)
def test_nearest_takes_the_cell_of_the_definition(target, coordinates, rounding):
    data = sample(2, 3, 5, 7)
    builder = graph(data)
    result = run(
        builder,
        resize_nearest(builder, "x", sizes=(5, 7), target=target, coordinates=coordinates, rounding=rounding),
        data,
    )
    for axis, size in ((0, 5), (1, 7)):
        places = source_coordinates(size, target[axis], coordinates)
        cells = np.array([int(np.floor(p + (0.5 if rounding != "floor" else 0))) for p in places]).clip(0, size - 1)
        data = data.take(cells, axis + 2)
    assert (result == data).all()


def test_nearest_by_half_equals_opencv():
    data = sample(1, 1, 6, 8)
    builder = graph(data)
    result = run(
        builder,
        resize_nearest(builder, "x", sizes=(6, 8), target=(9, 20), coordinates="asymmetric", rounding="floor"),
        data,
    )
    assert (result[0, 0] == cv2.resize(data[0, 0], (20, 9), interpolation=cv2.INTER_NEAREST)).all()
