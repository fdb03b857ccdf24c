"""`add_eps_before_sqrt` of a fork's BatchNorm and MVN, which have different defaults."""

import numpy as np
import pytest

NET = 'input: "x" input_shape {{ dim: 2 dim: 3 dim: 5 dim: 7 }} '
NET += 'layer {{ name: "l" type: "{}" bottom: "x" top: "y" {} }}'
RANDOM = np.random.default_rng(15)
X = RANDOM.standard_normal((2, 3, 5, 7), np.float32)


@pytest.mark.parametrize(("field", "inside"), [("", True), ("add_eps_before_sqrt: false", False)])
def test_batch_norm(run_net, field, inside):
    mean, variance = RANDOM.standard_normal(3, np.float32), RANDOM.uniform(0.1, 1, 3).astype(np.float32)
    net = NET.format("BatchNorm", f"batch_norm_param {{ eps: 0.2 {field} }}")
    y = run_net(net, {"x": X}, {"l": [mean * 2, variance * 2, np.array([2.0])]})["y"]
    deviation = np.sqrt(variance + 0.2) if inside else np.sqrt(variance) + 0.2
    np.testing.assert_allclose(y, (X - mean.reshape(3, 1, 1)) / deviation.reshape(3, 1, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("field", "inside"), [("", False), ("add_eps_before_sqrt: true", True)])
@pytest.mark.parametrize("across", [False, True])
def test_mvn(run_net, field, inside, across):
    params = f"eps: 0.2 across_channels: {str(across).lower()} {field}"
    y = run_net(NET.format("MVN", f"mvn_param {{ {params} }}"), {"x": X})["y"]
    axes = (1, 2, 3) if across else (2, 3)
    variance = X.var(axes, keepdims=True)
    deviation = np.sqrt(variance + 0.2) if inside else np.sqrt(variance) + 0.2
    np.testing.assert_allclose(y, (X - X.mean(axes, keepdims=True)) / deviation, rtol=1e-4, atol=1e-5)
