import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

RANDOM = np.random.default_rng(16)


def net(params, tops=1, batch=2, channels=16, side=3):
    names = " ".join(f'top: "y{i}"' for i in range(tops))
    head = f'input: "x" input_shape {{ dim: {batch} dim: {channels} dim: {side} dim: {side} }} '
    return head + f'layer {{ name: "l" type: "Region" bottom: "x" {names} {params} }}'


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def softmax(value, axis):
    made = np.exp(value - value.max(axis, keepdims=True))
    return made / made.sum(axis, keepdims=True)


@pytest.mark.parametrize("batch", [2, 3])
def test_activations(run_net, batch):
    x = RANDOM.standard_normal((batch, 16, 3, 3), np.float32)
    y = run_net(net("region_param { classes: 3 coords: 4 num: 2 }"), {"x": x})["y0"]
    expected = x.reshape(batch, 2, 8, 3, 3).copy()
    for entry in (0, 1, 4):
        expected[:, :, entry] = sigmoid(expected[:, :, entry])
    expected[:, :, 5:] = softmax(expected[:, :, 5:], 2)
    np.testing.assert_allclose(y, expected.reshape(x.shape), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("classes_are_logits", [False, True])
def test_boxes_and_scores(run_net, classes_are_logits):
    x = RANDOM.standard_normal((1, 16, 3, 3), np.float32)
    biases = [1.2, 0.9, 3.1, 2.2]
    params = "side: 3 num_class: 3 num: 2 thresh: 0.15 " + " ".join(f"biases: {value}" for value in biases)
    params += " softmax: 0" if classes_are_logits else ""
    made = run_net(net(f"region_loss_param {{ {params} }}", tops=2, batch=1), {"x": x})
    values = x.reshape(2, 8, 3, 3)
    assert made["y0"].shape == (2, 3, 3, 4)
    assert made["y1"].shape == (2, 3, 3, 4)
    for n, j, i in np.ndindex(2, 3, 3):
        v = values[n, :, j, i].astype(np.float64)
        box = [(i + sigmoid(v[0])) / 3, (j + sigmoid(v[1])) / 3]
        box += [np.exp(v[2]) * biases[2 * n] / 3, np.exp(v[3]) * biases[2 * n + 1] / 3]
        np.testing.assert_allclose(made["y0"][n, j, i], box, rtol=1e-4)
        scores = sigmoid(v[4]) * (v[5:] if classes_are_logits else softmax(v[5:], 0))
        best = max(scores.max(), 0)
        expected = [score if score > 0.15 else 0 for score in (*scores, best)]
        np.testing.assert_allclose(made["y1"][n, j, i], expected, rtol=1e-4, atol=1e-6)


def test_other_forks_are_refused(convert_net):
    with pytest.raises(UnsupportedError, match="different layer in every fork"):
        convert_net(net("region_param { classes: 3 boxes_of_each_grid: 2 }"))


@pytest.mark.parametrize(
    ("params", "tops"),
    [
        ("region_param { classes: 4 num: 2 }", 1),
        ("region_loss_param { side: 3 num_class: 3 num: 2 }", 2),
    ],
)
def test_options_that_do_not_fit_are_refused(convert_net, params, tops):
    with pytest.raises(SourceError):
        convert_net(net(params, tops))
