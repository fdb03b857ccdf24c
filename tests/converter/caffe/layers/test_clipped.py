import numpy as np
import pytest

NET = (
    'input: "x" input_shape {{ dim: 2 dim: 3 dim: 5 dim: 7 }} layer {{ name: "l" type: "{}" bottom: "x" top: "y" {} }}'
)
X = np.random.default_rng(1).uniform(-9, 9, (2, 3, 5, 7)).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        ("ReLU6", "", np.minimum(np.maximum(X, 0), 6)),
        (
            "ReLU6",
            "relu6_param { negative_slope: 0.1 }",
            np.minimum(np.maximum(X, 0) + 0.1 * np.minimum(X, 0), 6),
        ),
        ("HardSigmoid", "", np.clip(0.2 * X + 0.5, 0, 1)),
        ("HardSigmoid", "hard_sigmoid_param { alpha: 0.3 beta: 0.4 }", np.clip(0.3 * X + 0.4, 0, 1)),
        ("HardSwish", "", X * np.minimum(np.maximum(X + 3, 0), 6) / 6),
    ],
)
def test_definition(run_net, kind, params, expected):
    np.testing.assert_allclose(run_net(NET.format(kind, params), {"x": X})["y"], expected, rtol=1e-5, atol=1e-5)
