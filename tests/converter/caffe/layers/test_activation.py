import numpy as np
import pytest

NET = 'input: "x" input_shape {{ dim: 2 dim: 3 dim: 5 dim: 7 }} layer {{ name: "r" type: "ReLU" bottom: "x" top: "y" {} }}'


@pytest.mark.parametrize(("params", "slope"), [("", 0.0), ("relu_param { negative_slope: 0.25 }", 0.25)])
def test_relu(run_net, params, slope):
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7), np.float32)
    y = run_net(NET.format(params), {"x": x})["y"]
    np.testing.assert_allclose(y, np.where(x > 0, x, slope * x), rtol=1e-6)
