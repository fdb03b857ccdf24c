import numpy as np
import pytest

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 5, 7)).astype(np.float32)
POSITIVE = np.abs(X) + np.float32(0.1)


def run_layer(run_net, kind, params="", x=X, blobs=None):
    dims = " ".join(f"dim: {size}" for size in x.shape)
    net = f'input: "x" input_shape {{ {dims} }} layer {{ name: "a" type: "{kind}" bottom: "x" top: "y" {params} }}'
    return run_net(net, {"x": x}, blobs)["y"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


CASES = [
    ("ReLU", "", np.maximum(X, 0)),
    ("ReLU", "relu_param { negative_slope: 0.25 }", np.where(X > 0, X, 0.25 * X)),
    ("ELU", "elu_param { alpha: 0.5 }", np.where(X > 0, X, 0.5 * np.expm1(X))),
    ("Sigmoid", "", sigmoid(X)),
    ("TanH", "", np.tanh(X)),
    ("AbsVal", "", np.abs(X)),
    ("BNLL", "", np.log1p(np.exp(X))),
    ("Swish", "", X * sigmoid(X)),
    ("Swish", "swish_param { beta: 2 }", X * sigmoid(2 * X)),
    ("Clip", "clip_param { min: -0.5 max: 0.25 }", X.clip(-0.5, 0.25)),
    ("Threshold", "threshold_param { threshold: 0.5 }", (X > 0.5).astype(np.float32)),
    ("Power", "", X),
    ("Power", "power_param { power: 2 scale: 3 shift: 1 }", (1 + 3 * X) ** 2),
    ("Power", "power_param { power: 0 }", np.ones_like(X)),
    ("Power", "power_param { scale: 0 shift: 2 }", np.full_like(X, 2)),
    ("Exp", "", np.exp(X)),
    ("Exp", "exp_param { base: 2 scale: 0.5 shift: 1 }", 2 ** (1 + 0.5 * X)),
]


@pytest.mark.parametrize(("kind", "params", "expected"), CASES, ids=[f"{kind} {params}" for kind, params, _ in CASES])
def test_activation(run_net, kind, params, expected):
    np.testing.assert_allclose(run_layer(run_net, kind, params), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("params", "expected"),
    [("", np.log(POSITIVE)), ("log_param { base: 10 scale: 2 shift: 1 }", np.log10(1 + 2 * POSITIVE))],
)
def test_log(run_net, params, expected):
    np.testing.assert_allclose(run_layer(run_net, "Log", params, POSITIVE), expected, rtol=1e-5, atol=1e-6)


def test_threshold_is_strict(run_net):
    assert run_layer(run_net, "Threshold", x=np.zeros((2, 3), np.float32)).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (2, 3, 5, 7)])
@pytest.mark.parametrize("shared", [False, True])
def test_prelu(run_net, shape, shared):
    slope = RNG.random(1 if shared else 3).astype(np.float32)
    x = RNG.standard_normal(shape).astype(np.float32)
    params = f"prelu_param {{ channel_shared: {str(shared).lower()} }}"
    y = run_layer(run_net, "PReLU", params, x, {"a": [slope]})
    np.testing.assert_allclose(y, np.where(x > 0, x, slope.reshape(-1, *[1] * (len(shape) - 2)) * x), rtol=1e-6)
