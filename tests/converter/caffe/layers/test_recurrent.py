"""RNN and LSTM against the recurrences of BVLC's layers, step by step."""

import numpy as np
import pytest

T, N, D, H, S = 5, 2, 4, 3, 6
RNG = np.random.default_rng(0)
X = RNG.standard_normal((T, N, D)).astype(np.float32)
CONT = np.array([[0, 0], [1, 1], [1, 0], [1, 1], [0, 1]], np.float32)
STATIC = RNG.standard_normal((N, S)).astype(np.float32)
START = RNG.standard_normal((2, 1, N, H)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def net(kind, *, static, exposed):
    names = {"x": (T, N, D), "cont": (T, N)}
    names |= {"s": (N, S)} if static else {}
    states = {"LSTM": ("h0", "c0"), "RNN": ("h0",)}[kind] if exposed else ()
    names |= dict.fromkeys(states, (1, N, H))
    header = "".join(f'input: "{name}" ' for name in names)
    header += "".join(f"input_shape {{ {' '.join(f'dim: {size}' for size in shape)} }} " for shape in names.values())
    bottoms = " ".join(f'bottom: "{name}"' for name in names)
    tops = " ".join(f'top: "{name}"' for name in ("o", *(f"{state}_T" for state in states)))
    params = f"recurrent_param {{ num_output: {H} expose_hidden: {exposed} }}"
    return f'{header} layer {{ name: "r" type: "{kind}" {bottoms} {tops} {params} }}'


def lstm(weights, *, static, start):
    w_x, b, *w_s, w_h = weights
    h, c = (state[0].astype(np.float64) for state in start)
    answers = []
    for x, cont in zip(X, CONT[:, :, None], strict=True):
        gates = x @ w_x.T + b + (STATIC @ w_s[0].T if static else 0) + (h * cont) @ w_h.T
        i, f, o, g = np.split(gates, 4, 1)
        c = cont * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        answers.append(h)
    return np.stack(answers), h[None], c[None]


def rnn(weights, *, static, start):
    w_x, b, *w_s, w_h, w_o, b_o = weights
    h = start[0][0].astype(np.float64)
    answers = []
    for x, cont in zip(X, CONT[:, :, None], strict=True):
        h = np.tanh(x @ w_x.T + b + (STATIC @ w_s[0].T if static else 0) + (h * cont) @ w_h.T)
        answers.append(np.tanh(h @ w_o.T + b_o))
    return np.stack(answers), h[None]


@pytest.mark.parametrize("exposed", [False, True])
@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_recurrent(run_net, kind, static, exposed):
    rows = 4 * H if kind == "LSTM" else H
    shapes = [(rows, D), (rows,), *([(rows, S)] if static else []), (rows, H)]
    shapes += [] if kind == "LSTM" else [(H, H), (H,)]
    weights = [RNG.standard_normal(shape).astype(np.float32) for shape in shapes]
    start = START if exposed else np.zeros_like(START)
    expected = (lstm if kind == "LSTM" else rnn)(weights, static=static, start=start)
    feeds = {"x": X, "cont": CONT, "s": STATIC, "h0": START[0], "c0": START[1]}
    text = net(kind, static=static, exposed=exposed)
    found = run_net(text, {name: feeds[name] for name in feeds if f'input: "{name}"' in text}, {"r": weights})
    np.testing.assert_allclose(found["o"], expected[0], rtol=1e-4, atol=1e-5)
    for name, state in zip(("h0_T", "c0_T"), expected[1:], strict=False):
        if exposed:
            np.testing.assert_allclose(found[name], state, rtol=1e-4, atol=1e-5)


def test_lstm_unit_multiplies_the_cell_by_cont(run_net):
    text = (
        'input: "c" input: "g" input: "k" input_shape { dim: 1 dim: 2 dim: 3 } input_shape { dim: 1 dim: 2 dim: 12 } '
        'input_shape { dim: 1 dim: 2 } layer { name: "u" type: "LSTMUnit" bottom: "c" bottom: "g" bottom: "k" '
        'top: "cn" top: "h" }'
    )
    cell, gates = RNG.standard_normal((1, 2, 3)), RNG.standard_normal((1, 2, 12))
    found = run_net(text, {"c": cell, "g": gates, "k": [[0, 1]]})
    i, f, o, g = np.split(gates, 4, 2)
    after = np.array([0, 1]).reshape(1, 2, 1) * sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    np.testing.assert_allclose(found["cn"], after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["h"], sigmoid(o) * np.tanh(after), rtol=1e-5, atol=1e-6)
