import numpy as np
import pytest

NET = (
    'input: "x" input_shape {{ dim: 2 dim: 3 dim: 5 dim: 7 }} '
    'layer {{ name: "l" type: "{}" bottom: "x" top: "y" convolution_param {{ {} kernel_size: 3 pad: 1 }} }}'
)


@pytest.mark.parametrize(
    ("kind", "params", "filters"),
    [
        ("ConvolutionDepthwise", "num_output: 3", 3),
        ("ConvolutionDepthwise", "num_output: 6", 6),
        ("DepthwiseConvolution", "num_output: 3 group: 3", 3),
        ("DepthwiseConvolution", "num_output: 3", 3),
    ],
)
def test_every_channel_by_itself(run_net, kind, params, filters):
    random = np.random.default_rng(13)
    x = random.standard_normal((2, 3, 5, 7), np.float32)
    weight, bias = random.standard_normal((filters, 1, 3, 3), np.float32), random.standard_normal(filters, np.float32)
    y = run_net(NET.format(kind, params), {"x": x}, {"l": [weight, bias]})["y"]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3), (2, 3))
    for f in range(filters):
        expected = (windows[:, f * 3 // filters] * weight[f, 0]).sum((-1, -2)) + bias[f]
        np.testing.assert_allclose(y[:, f], expected, rtol=1e-4, atol=1e-4)
