"""Convolution and its kin against OpenCV's Caffe reader and against sums over windows."""

import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

RNG = np.random.default_rng(0)


def net(shape, params, kind="Convolution"):
    dims = " ".join(f"dim: {size}" for size in shape)
    return (
        f'input: "x" input_shape {{ {dims} }} '
        f'layer {{ name: "c" type: "{kind}" bottom: "x" top: "y" convolution_param {{ {params} }} }}'
    )


def correlate(x, weight, bias, stride, pads, dilation, group=1):
    """sum over channels and cells, window by window."""
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3]))).astype(np.float64)
    extent = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    sizes = [(n - e) // s + 1 for n, e, s in zip(x.shape[2:], extent, stride, strict=True)]
    y = np.empty((len(x), len(weight), *sizes))
    per_group, filters = weight.shape[1], len(weight) // group
    for n, (i, j) in ((n, place) for n in range(len(weight)) for place in np.ndindex(*sizes)):
        first = n // filters * per_group
        top, left = i * stride[0], j * stride[1]
        window = x[
            :, first : first + per_group, top : top + extent[0] : dilation[0], left : left + extent[1] : dilation[1]
        ]
        y[:, n, i, j] = (window * weight[n]).sum((1, 2, 3)) + bias[n]
    return y


GEOMETRIES = {
    "kernel_size: 3": ((3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    "kernel_size: 2 kernel_size: 3 stride: 2 stride: 1": ((2, 3), (2, 1), (0, 0, 0, 0), (1, 1), 1),
    "kernel_h: 3 kernel_w: 1 stride_h: 1 stride_w: 2 pad_h: 2 pad_w: 0": ((3, 1), (1, 2), (2, 0, 2, 0), (1, 1), 1),
    "kernel_size: 3 dilation: 2 dilation: 1 pad: 1": ((3, 3), (1, 1), (1, 1, 1, 1), (2, 1), 1),
    "kernel_size: 3 group: 2": ((3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 2),
    "kernel_size: 3 pad_l: 1 pad_r: 2 pad_t: 0 pad_b: 1": ((3, 3), (1, 1), (0, 1, 1, 2), (1, 1), 1),
}


@pytest.mark.parametrize("params", GEOMETRIES)
def test_convolution(run_net, params):
    kernel, stride, pads, dilation, group = GEOMETRIES[params]
    weight, bias = RNG.standard_normal((6, 4 // group, *kernel)), RNG.standard_normal(6)
    x = RNG.standard_normal((2, 4, 7, 8)).astype(np.float32)
    found = run_net(net(x.shape, f"num_output: 6 {params}"), {"x": x}, {"c": [weight, bias]})["y"]
    np.testing.assert_allclose(found, correlate(x, weight, bias, stride, pads, dilation, group), rtol=1e-4, atol=1e-5)


def test_axis_2_treats_axes_before_it_as_batch(run_net):
    weight = RNG.standard_normal((6, 4, 3, 3))
    x = RNG.standard_normal((2, 3, 4, 7, 8)).astype(np.float32)
    params = "num_output: 6 kernel_size: 3 axis: 2 bias_term: false"
    found = run_net(net(x.shape, params), {"x": x}, {"c": [weight]})["y"]
    expected = correlate(x.reshape(6, 4, 7, 8), weight, np.zeros(6), (1, 1), (0,) * 4, (1, 1))
    np.testing.assert_allclose(found, expected.reshape(2, 3, 6, 5, 6), rtol=1e-4, atol=1e-5)


def test_one_spatial_axis(run_net):
    weight, bias = RNG.standard_normal((6, 4, 3)), RNG.standard_normal(6)
    x = RNG.standard_normal((2, 4, 9)).astype(np.float32)
    found = run_net(net(x.shape, "num_output: 6 kernel_size: 3 pad: 1"), {"x": x}, {"c": [weight, bias]})["y"]
    expected = correlate(x[:, :, None], weight[:, :, None], bias, (1, 1), (0, 1, 0, 1), (1, 1))
    np.testing.assert_allclose(found, expected[:, :, 0], rtol=1e-4, atol=1e-5)


def test_several_bottoms_share_the_weights(run_net):
    weight, bias = RNG.standard_normal((6, 4, 3, 3)), RNG.standard_normal(6)
    x = RNG.standard_normal((2, 4, 7, 8)).astype(np.float32)
    text = net(x.shape, "num_output: 6 kernel_size: 3").replace('input: "x"', 'input: "x" input: "z"')
    text = text.replace("layer {", "input_shape { dim: 2 dim: 4 dim: 5 dim: 6 } layer {", 1)
    text = text.replace('bottom: "x" top: "y"', 'bottom: "x" bottom: "z" top: "y" top: "w"')
    found = run_net(text, {"x": x, "z": x[:, :, :5, :6]}, {"c": [weight, bias]})
    np.testing.assert_allclose(found["w"], found["y"][:, :, :3, :4], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "params", ["kernel_size: 4 stride: 2 pad: 1", "kernel_size: 3 dilation: 2", "kernel_size: 2 group: 2"]
)
def test_deconvolution_is_the_transpose_of_convolution(run_net, params):
    group = 2 if "group" in params else 1
    kernel = int(params.split()[1])
    weight = RNG.standard_normal((4, 6 // group, kernel, kernel))
    x = RNG.standard_normal((1, 4, 5, 7)).astype(np.float32)
    text = net(x.shape, f"num_output: 6 bias_term: false {params}", "Deconvolution")
    y = run_net(text, {"x": x}, {"c": [weight]})["y"]
    z = RNG.standard_normal(y.shape).astype(np.float32)
    back = run_net(net(y.shape, f"num_output: 4 bias_term: false {params}"), {"x": z}, {"c": [weight]})["y"]
    np.testing.assert_allclose((y * z).sum(), (x * back).sum(), rtol=1e-4)  # <A x, z> = <x, A^T z>


def test_im2col_times_a_matrix_is_a_convolution(run_net):
    weight = RNG.standard_normal((6, 4, 3, 2)).astype(np.float32)
    x = RNG.standard_normal((2, 4, 7, 8)).astype(np.float32)
    params = "kernel_h: 3 kernel_w: 2 stride: 2 pad: 1"
    columns = run_net(net(x.shape, params, "Im2col"), {"x": x})["y"]
    found = np.einsum("nc,bchw->bnhw", weight.reshape(6, -1), columns)
    expected = correlate(x, weight, np.zeros(6), (2, 2), (1, 1, 1, 1), (1, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ("kernel_size: 3", "num_output 0"),
        ("num_output: 6 kernel_size: 3 group: 4", "do not divide into 4 groups"),
        ("num_output: 6 kernel_size: 30", "larger than its padded bottom"),
        ("num_output: 6 kernel_size: 3 kernel_size: 3 kernel_size: 3", "given 3 times for 2 spatial axes"),
        ("num_output: 6 kernel_size: 3 axis: 4", "axis 4 is none of the 4 axes"),
        ("num_output: 6 kernel_size: -3", "must be positive"),
    ],
)
def test_what_caffe_refuses(convert_net, params, problem):
    with pytest.raises(SourceError, match=problem):
        convert_net(net((1, 6, 5, 7), params), random_weights=0)


def test_more_spatial_axes_than_onnxruntime_has(convert_net):
    with pytest.raises(UnsupportedError, match="4 spatial axes"):
        convert_net(net((1, 2, 3, 3, 3, 3), "num_output: 2 kernel_size: 1"), random_weights=0)
