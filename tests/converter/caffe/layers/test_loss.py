import numpy as np
import pytest

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 5, 2, 3)).astype(np.float32)
LABELS = RNG.integers(0, 5, (4, 1, 2, 3))
INPUTS = (
    'input: "x" input: "l" input_shape { dim: 4 dim: 5 dim: 2 dim: 3 } input_shape { dim: 4 dim: 1 dim: 2 dim: 3 } '
)


def run(run_net, kind, params="", tops='top: "y"'):
    text = INPUTS + f'layer {{ name: "l" type: "{kind}" bottom: "x" bottom: "l" {tops} {params} }}'
    return run_net(text, {"x": X, "l": LABELS})


@pytest.mark.parametrize(
    ("params", "ignored", "divisor"),
    [
        ("", None, 24),
        ("ignore_label: 2", 2, None),
        ("normalization: FULL ignore_label: 2", 2, 24),
        ("normalization: BATCH_SIZE", None, 4),
        ("normalization: NONE", None, 1),
        ("normalize: false", None, 4),
    ],
)
def test_softmax_with_loss(run_net, params, ignored, divisor):
    found = run(run_net, "SoftmaxWithLoss", f"loss_param {{ {params} }}", 'top: "y" top: "p"')
    p = np.exp(X) / np.exp(X).sum(1, keepdims=True)
    chosen = -np.log(np.take_along_axis(p, LABELS, 1))
    counted = ignored != LABELS if ignored is not None else np.ones_like(LABELS, bool)
    np.testing.assert_allclose(found["y"], chosen[counted].sum() / (divisor or counted.sum()), rtol=1e-5)
    np.testing.assert_allclose(found["p"], p, rtol=1e-5)
    assert found["y"].shape == ()


def test_euclidean_loss(run_net):
    text = 'input: "x" input: "l" input_shape { dim: 4 dim: 5 } input_shape { dim: 4 dim: 5 } '
    text += 'layer { name: "l" type: "EuclideanLoss" bottom: "x" bottom: "l" top: "y" }'
    a, b = X[:, :, 0, 0], X[:, :, 1, 1]
    np.testing.assert_allclose(run_net(text, {"x": a, "l": b})["y"], ((a - b) ** 2).sum() / 8, rtol=1e-5)


@pytest.mark.parametrize("params", ["", "top_k: 2", "top_k: 2 ignore_label: 1"])
def test_accuracy(run_net, params):
    found = run(run_net, "Accuracy", f"accuracy_param {{ {params} }}")["y"]
    own = np.take_along_axis(X, LABELS, 1)
    hit = (own <= X).sum(1, keepdims=True) <= (2 if "top_k" in params else 1)
    counted = LABELS != 1 if "ignore" in params else np.ones_like(LABELS, bool)
    np.testing.assert_allclose(found, hit[counted].mean(), rtol=1e-6)
