import numpy as np
import pytest
from planish.errors import SourceError

X = np.random.default_rng(4).standard_normal((2, 3, 5, 7), np.float32)


def net(kind, params, shape=(2, 3, 5, 7)):
    dims = " ".join(f"dim: {size}" for size in shape)
    return f'input: "x" input_shape {{ {dims} }} layer {{ name: "l" type: "{kind}" bottom: "x" top: "y" {params} }}'


@pytest.mark.parametrize(
    ("shape", "params", "expected"),
    [
        ((2, 3, 1, 1), "", (2, 3)),
        ((2, 1, 5, 1), "squeeze_param { axis: -1 }", (2, 1, 5)),
        ((2, 1, 5, 1), "squeeze_param { axis: 1 axis: 3 }", (2, 5)),
        ((1, 3, 1, 7), "", (3, 7)),
    ],
)
def test_squeeze(run_net, shape, params, expected):
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    y = run_net(net("Squeeze", params, shape), {"x": x})["y"]
    assert y.shape == expected
    np.testing.assert_array_equal(y, x.reshape(expected))


def test_squeeze_keeps_the_batch_dynamic(run_net):
    x = np.random.default_rng(0).standard_normal((5, 3, 1, 1), np.float32)
    y = run_net(net("Squeeze", "squeeze_param { axis: 2 axis: 3 }", (1, 3, 1, 1)), {"x": x})["y"]
    np.testing.assert_array_equal(y, x.reshape(5, 3))


def test_squeeze_of_another_size_is_refused(convert_net):
    with pytest.raises(SourceError, match="its size must be 1"):
        convert_net(net("Squeeze", "squeeze_param { axis: 1 }"))


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_pad(run_net, value):
    widths = [(0, 0), (0, 1), (2, 1), (3, 0)]
    params = " ".join(f"paddings: {n}" for pair in widths for n in pair)
    y = run_net(net("Pad", f"pad_param {{ {params} constant_values: {value} }}"), {"x": X})["y"]
    np.testing.assert_array_equal(y, np.pad(X, widths, constant_values=value))


def test_pad_of_the_batch_fixes_it(run_net):
    params = " ".join(f"paddings: {n}" for n in (1, 0, 0, 0, 0, 0, 0, 0))
    y = run_net(net("Pad", f"pad_param {{ {params} }}"), {"x": X})["y"]
    np.testing.assert_array_equal(y, np.pad(X, [(1, 0), (0, 0), (0, 0), (0, 0)]))


@pytest.mark.parametrize("paddings", ["", "paddings: 1", "paddings: -1 " + "paddings: 0 " * 7])
def test_pad_that_does_not_fit_is_refused(convert_net, paddings):
    with pytest.raises(SourceError, match="paddings"):
        convert_net(net("Pad", f"pad_param {{ {paddings} }}"))


def test_crop_center(run_net):
    params = "crop_center_param { crop_size: 0 crop_size: 1 crop_size: 2 crop_size: 0 }"
    np.testing.assert_array_equal(run_net(net("CropCenter", params), {"x": X})["y"], X[:, 1:-1, 2:-2])


def test_crop_center_of_everything_is_refused(convert_net):
    with pytest.raises(SourceError, match="leave something"):
        convert_net(net("CropCenter", "crop_center_param { crop_size: 0 crop_size: 0 crop_size: 3 crop_size: 0 }"))
