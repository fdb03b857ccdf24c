import cv2
import numpy as np
import pytest
from planish.errors import SourceError

X = np.random.default_rng(8).standard_normal((2, 3, 5, 7), np.float32)


def net(kind, params, shape=(2, 3, 5, 7), second=None):
    def declare(name, sizes):
        return f'input: "{name}" input_shape {{ {" ".join(f"dim: {size}" for size in sizes)} }} '

    head = declare("x", shape) + (declare("r", second) if second else "")
    bottoms = 'bottom: "x"' + (' bottom: "r"' if second else "")
    return f'{head} layer {{ name: "l" type: "{kind}" {bottoms} top: "y" {params} }}'


def interpolate(data, axis, target, place):
    size = data.shape[axis]
    places = np.array([place(i, size, target) for i in range(target)]).clip(0, size - 1)
    low = np.floor(places).astype(int)
    weight = (places - low).reshape([-1 if k == axis else 1 for k in range(data.ndim)])
    return data.take(low, axis) * (1 - weight) + data.take(np.minimum(low + 1, size - 1), axis) * weight


def aligned(i, size, target):
    return i * (size - 1) / (target - 1) if target > 1 else 0


def half(i, size, target):
    return (i + 0.5) * size / target - 0.5


def plain(i, size, target):
    return i * size / target


def resize(data, first, target, place):
    for axis, size in enumerate(target, first):
        data = interpolate(data, axis, size, place)
    return data


@pytest.mark.parametrize(
    ("params", "crop", "target"),
    [
        ("height: 9 width: 4", (0, 0), (9, 4)),
        ("height: 1 width: 1", (0, 0), (1, 1)),
        ("zoom_factor: 3", (0, 0), (13, 19)),
        ("shrink_factor: 2", (0, 0), (3, 4)),
        ("shrink_factor: 2 zoom_factor: 3", (0, 0), (7, 10)),
        ("shrink_factor: 2 zoom_factor: 3 height: 4 width: 5", (0, 0), (4, 5)),
        ("full_zoom_factor: 2", (0, 0), (10, 14)),
        ("height: 8 width: 8 pad_beg: -1 pad_end: -2", (1, 2), (8, 8)),
        ("zoom_factor: 2 pad_beg: -1", (1, 0), (7, 11)),
    ],
)
def test_interp_aligns_corners(run_net, params, crop, target):
    y = run_net(net("Interp", f"interp_param {{ {params} }}"), {"x": X})["y"]
    cut = X[:, :, crop[0] : 5 - crop[1], crop[0] : 7 - crop[1]]
    np.testing.assert_allclose(y, resize(cut, 2, target, aligned), rtol=1e-4, atol=1e-5)


def test_interp_to_the_size_of_a_second_bottom(run_net):
    feeds = {"x": X, "r": np.zeros((2, 4, 9, 6), np.float32)}
    y = run_net(net("Interp", "", second=(2, 4, 9, 6)), feeds)["y"]
    np.testing.assert_allclose(y, resize(X, 2, (9, 6), aligned), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("params", ["", "height: 3", "zoom_factor: 0", "height: 3 width: 3 pad_beg: 1", "pad_beg: -5"])
def test_interp_without_a_size_is_refused(convert_net, params):
    with pytest.raises(SourceError):
        convert_net(net("Interp", f"interp_param {{ {params} }}"))


@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
@pytest.mark.parametrize(
    ("flags", "place"),
    [
        ("", plain),
        ("align_corners: true", aligned),
        ("half_pixel_centers: true", half),
        ("pytorch_half_pixel: true", half),
    ],
)
@pytest.mark.parametrize("size", ["output_height: 8 output_width: 3", "scale_height: 2.5 scale_width: 0.5"])
def test_resize_bilinear(run_net, form, flags, place, size):
    params = f'resize_bilinear_param {{ data_format: "{form}" {flags} {size} }}'
    y = run_net(net("ResizeBilinear", params), {"x": X})["y"]
    first = 1 if form == "NHWC" else 2
    sizes = X.shape[first : first + 2]
    target = (8, 3) if "output" in size else (int(sizes[0] * 2.5), int(sizes[1] * 0.5))
    np.testing.assert_allclose(y, resize(X, first, target, place), rtol=1e-4, atol=1e-5)


def test_resize_bilinear_over_three_axes(run_net):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6), np.float32)
    params = 'resize_bilinear_param { data_format: "NCHWD" output_height: 7 output_width: 3 output_depth: 9 }'
    y = run_net(net("ResizeBilinear", params, x.shape), {"x": x})["y"]
    np.testing.assert_allclose(y, resize(x, 2, (7, 3, 9), plain), rtol=1e-4, atol=1e-5)


def test_pytorch_takes_the_first_cell_of_a_single_one(run_net):
    params = 'resize_bilinear_param { data_format: "NCHW" pytorch_half_pixel: true output_height: 1 output_width: 4 }'
    y = run_net(net("ResizeBilinear", params), {"x": X})["y"]
    np.testing.assert_allclose(y, resize(X[:, :, :1], 2, (1, 4), half), rtol=1e-4, atol=1e-5)


def c_round(value):
    return int(np.floor(value + 0.5))


@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
@pytest.mark.parametrize(
    ("flags", "cell"),
    [
        ("", lambda i, n, m: int(np.floor(np.float32(i) * np.float32(n / m)))),
        ("align_corners: true", lambda i, n, m: c_round(np.float32(i) * np.float32((n - 1) / (m - 1)))),
        ("half_pixel_centers: true", lambda i, n, m: int(np.floor(np.float32(i + 0.5) * np.float32(n / m)))),
    ],
)
@pytest.mark.parametrize("target", [(8, 3), (10, 14), (4, 9)])
def test_resize_nearest_neighbor(run_net, form, flags, cell, target):
    params = f'data_format: "{form}" {flags} output_height: {target[0]} output_width: {target[1]}'
    y = run_net(net("ResizeNearestNeighbor", f"resize_nearest_neighbor_param {{ {params} }}"), {"x": X})["y"]
    expected = X
    for axis, size in enumerate(target, 1 if form == "NHWC" else 2):
        cells = [min(max(cell(i, X.shape[axis], size), 0), X.shape[axis] - 1) for i in range(size)]
        expected = expected.take(cells, axis)
    np.testing.assert_array_equal(y, expected)


def test_half_pixel_equals_opencv(run_net):
    params = 'resize_bilinear_param { data_format: "NCHW" half_pixel_centers: true output_height: 9 output_width: 15 }'
    y = run_net(net("ResizeBilinear", params), {"x": X})["y"]
    np.testing.assert_allclose(y[1, 2], cv2.resize(X[1, 2], (15, 9)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["ResizeBilinear", "ResizeNearestNeighbor"])
@pytest.mark.parametrize(
    "params", ['data_format: "CHWN"', "output_height: 0", "align_corners: true half_pixel_centers: true"]
)
def test_resize_options_that_do_not_fit_are_refused(convert_net, kind, params):
    message = "resize_bilinear_param" if kind == "ResizeBilinear" else "resize_nearest_neighbor_param"
    with pytest.raises(SourceError):
        convert_net(net(kind, f"{message} {{ {params} }}"))
