import numpy as np
import pytest


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(mode, x, states, wx, wh, bx, bh):
    h = states[0]
    if mode == "lstm":
        i, f, g, o = np.split(x @ wx.T + bx + h @ wh.T + bh, 4, -1)
        c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(c), c]
    if mode == "gru":
        (xr, xz, xn), (hr, hz, hn) = np.split(x @ wx.T + bx, 3, -1), np.split(h @ wh.T + bh, 3, -1)
        z, n = sigmoid(xz + hz), np.tanh(xn + sigmoid(xr + hr) * hn)
        return [(1 - z) * n + z * h]
    total = x @ wx.T + bx + h @ wh.T + bh
    return [np.tanh(total) if mode == "rnn_tanh" else np.maximum(total, 0)]


def recurrent(mode, x, vector, states, layers, directions, hidden):
    gates = {"lstm": 4, "gru": 3}.get(mode, 1)
    sizes = [(gates * hidden, hidden * directions if layer else x.shape[2]) for layer in range(layers)]
    shapes = [s for size in sizes for _ in range(directions) for s in (size, (gates * hidden, hidden))]
    shapes += [(gates * hidden,)] * (2 * layers * directions)
    parts, place = [], 0
    for shape in shapes:
        parts.append(vector[place : place + np.prod(shape)].reshape(shape))
        place += np.prod(shape)
    matrices, biases = parts[: 2 * layers * directions], parts[2 * layers * directions :]
    finals = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            own = layer * directions + direction
            state, made = [s[own] for s in states], []
            for at in range(len(x)) if not direction else reversed(range(len(x))):
                state = step(mode, x[at], state, *matrices[2 * own : 2 * own + 2], *biases[2 * own : 2 * own + 2])
                made.append(state[0])
            outputs.append(np.stack(made if not direction else made[::-1]))
            finals.append(state)
        x = np.concatenate(outputs, -1)
    return [x, *(np.stack(each) for each in zip(*finals, strict=True))]


@pytest.mark.parametrize("mode", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 1), (2, 2)])
def test_equals_the_loop(apply, rng, mode, layers, directions):
    hidden, gates = 4, {"lstm": 4, "gru": 3}.get(mode, 1)
    x = rng.normal(size=(5, 2, 3))
    states = [rng.normal(size=(layers * directions, 2, hidden)) for _ in range(2 if mode == "lstm" else 1)]
    size = sum(
        directions * gates * hidden * ((hidden * directions if layer else 3) + hidden + 2) for layer in range(layers)
    )
    vector = rng.normal(size=size) * 0.4
    wanted = recurrent(mode, x, vector, states, layers, directions, hidden)
    names = {"mode": mode, "num_layers": layers, "state_size": hidden, "bidirectional": directions == 2}
    found = apply_rnn(apply, x, vector, states, heads=len(wanted), state_outputs=True, **names)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def apply_rnn(apply, x, vector, states, **options):
    """The parameter vector is the second input, so the states must be parameters too."""
    return apply("RNN", x, weights=(vector, *states), **options)
