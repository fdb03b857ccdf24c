"""Pooling against a direct transcription of the definition, on random geometries."""

import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

RNG = np.random.default_rng(0)


def net(shape, params, tops='top: "y"', kind="Pooling"):
    dims = " ".join(f"dim: {size}" for size in shape)
    return f'input: "x" input_shape {{ {dims} }} layer {{ name: "p" type: "{kind}" bottom: "x" {tops} {params} }}'


def caffe_pool(x, kernel, stride, pad, method, round_mode="CEIL"):
    """BVLC pooling_layer.cpp, Reshape and Forward_cpu, window by window."""
    sizes = x.shape[2:]
    rounded = np.ceil if round_mode == "CEIL" else np.floor
    counts = [int(rounded((n + 2 * p - k) / s)) + 1 for n, k, s, p in zip(sizes, kernel, stride, pad, strict=True)]
    if any(pad):
        counts = [c - ((c - 1) * s >= n + p) for c, n, s, p in zip(counts, sizes, stride, pad, strict=True)]
    y = np.empty((*x.shape[:2], *counts), np.float32)
    for i, j in np.ndindex(*counts):
        start = [i * stride[0] - pad[0], j * stride[1] - pad[1]]
        padded_end = [min(s + k, n + p) for s, k, n, p in zip(start, kernel, sizes, pad, strict=True)]
        area = np.prod([e - s for s, e in zip(start, padded_end, strict=True)])
        window = x[:, :, max(start[0], 0) : padded_end[0], max(start[1], 0) : padded_end[1]]
        window = window[:, :, : sizes[0] - max(start[0], 0), : sizes[1] - max(start[1], 0)]
        if method == "AVE":
            y[:, :, i, j] = window.sum((2, 3)) / area
        else:
            y[:, :, i, j] = window.max((2, 3), initial=np.finfo(np.float32).min)
    return y


def random_case(seed):
    dice = np.random.default_rng(seed)
    kernel = dice.integers(1, 5, 2)
    stride = np.minimum(dice.integers(1, 4, 2), kernel)  # a larger one may leave windows empty
    pad = [int(dice.integers(0, k)) for k in kernel]
    sizes = dice.integers(5, 13, 2)
    return [int(k) for k in kernel], [int(s) for s in stride], pad, [int(n) for n in sizes]


@pytest.mark.parametrize("method", ["MAX", "AVE"])
@pytest.mark.parametrize("seed", range(30))
def test_random_geometries(run_net, method, seed):
    kernel, stride, pad, sizes = random_case(seed)
    mode = ("CEIL", "FLOOR")[seed % 2]
    params = (
        f"pooling_param {{ pool: {method} kernel_h: {kernel[0]} kernel_w: {kernel[1]} stride_h: {stride[0]} "
        f"stride_w: {stride[1]} pad_h: {pad[0]} pad_w: {pad[1]} round_mode: {mode} }}"
    )
    x = RNG.standard_normal((2, 3, *sizes)).astype(np.float32)
    expected = caffe_pool(x, kernel, stride, pad, method, mode)
    found = run_net(net(x.shape, params), {"x": x})["y"]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_window_without_data_is_refused_for_ave(convert_net):
    params = "pooling_param { pool: AVE kernel_size: 2 stride: 3 }"
    with pytest.raises(UnsupportedError, match="lies wholly outside the data"):
        convert_net(net((1, 2, 9, 10), params))


def test_a_window_without_data_gives_the_lowest_number_for_max(run_net):
    x = RNG.standard_normal((1, 2, 9, 10)).astype(np.float32)
    found = run_net(net(x.shape, "pooling_param { kernel_size: 2 stride: 3 }"), {"x": x})["y"]
    np.testing.assert_array_equal(found, caffe_pool(x, (2, 2), (3, 3), (0, 0), "MAX"))


@pytest.mark.parametrize("method", ["MAX", "AVE"])
def test_global_pooling(run_net, method):
    x = RNG.standard_normal((2, 3, 5, 7)).astype(np.float32)
    found = run_net(net(x.shape, f"pooling_param {{ pool: {method} global_pooling: true }}"), {"x": x})["y"]
    expected = x.max((2, 3), keepdims=True) if method == "MAX" else x.mean((2, 3), keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_mask_is_the_flat_index_inside_the_channel(run_net):
    x = RNG.standard_normal((2, 3, 6, 9)).astype(np.float32)
    found = run_net(net(x.shape, "pooling_param { kernel_size: 3 stride: 3 }", 'top: "y" top: "m"'), {"x": x})
    gathered = np.take_along_axis(x.reshape(2, 3, -1), found["m"].astype(int).reshape(2, 3, -1), 2)
    np.testing.assert_array_equal(gathered.reshape(found["y"].shape), found["y"])
    assert found["m"].dtype == np.float32


def test_ceil_mode_false_of_forks(run_net):
    x = RNG.standard_normal((1, 2, 6, 8)).astype(np.float32)
    found = run_net(net(x.shape, "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }"), {"x": x})["y"]
    np.testing.assert_array_equal(found, caffe_pool(x, (3, 3), (2, 2), (0, 0), "MAX", "FLOOR"))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ("pooling_param { }", "kernel_size is missing"),
        ("pooling_param { kernel_size: 2 pad: 2 }", "is not smaller than kernel"),
        ("pooling_param { kernel_size: 9 }", "larger than the data"),
        ("pooling_param { kernel_size: 2 stride: 0 }", "must be positive"),
        ("pooling_param { global_pooling: true kernel_size: 2 }", "contradict each other"),
        ("pooling_param { kernel_h: 2 }", "must both be given"),
    ],
)
def test_what_caffe_refuses(convert_net, params, problem):
    with pytest.raises(SourceError, match=problem):
        convert_net(net((1, 2, 5, 7), params))


@pytest.mark.parametrize(("method", "height"), [("MAX", 1), ("MAX", 3), ("AVE", 2)])
def test_spp(run_net, method, height):
    x = RNG.standard_normal((2, 3, 7, 9)).astype(np.float32)
    params = f"spp_param {{ pyramid_height: {height} pool: {method} }}"
    found = run_net(net(x.shape, params, kind="SPP"), {"x": x})["y"]
    levels = []
    for level in range(height):
        kernel = [-(-n // 2**level) for n in (7, 9)]
        pad = [(k * 2**level - n + 1) // 2 for k, n in zip(kernel, (7, 9), strict=True)]
        levels.append(caffe_pool(x, kernel, kernel, pad, method).reshape(2, -1))
    np.testing.assert_allclose(found, np.concatenate(levels, 1), rtol=1e-5, atol=1e-6)
