"""Activations with bounds in the form that runtimes fuse."""

import numpy as np
import pytest
from planish.passes.exact.clip import RULE


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("y = Max (x, zero)", ["Relu"]),
        ("y = Max (half, x)", ["Clip"]),
        ("a = Max (x, zero) y = Min (a, six)", ["Clip"]),
        ("a = Relu (x) y = Min (six, a)", ["Clip"]),
        ("y = Clip (x, zero)", ["Relu"]),
        ("a = Mul (x, half) y = Max (a, x)", ["LeakyRelu"]),
        ("y = PRelu (x, same)", ["LeakyRelu"]),
    ],
)
def test_forms(make_model, assert_same, apply_rules, body, left):
    constants = {"zero": 0, "half": 0.5, "six": 6}
    model = make_model(
        f"g (float[n,3,5,7] x) => (float[n,3,5,7] y) {{ {body} }}",
        same=np.full((3, 1, 1), 0.2, np.float32),
        **{name: np.array(value, np.float32) for name, value in constants.items()},
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == left
    assert_same(model, after)


@pytest.mark.parametrize(
    "body",
    [
        "a = Mul (x, two) y = Max (a, x)",
        "y = Max (x, each)",
        "y = PRelu (x, each)",
        "y = Clip (x, minus)",
    ],
)
def test_what_is_no_such_form_stays(make_model, apply_rules, rng, body):
    model = make_model(
        f"g (float[n,3,5,7] x) => (float[n,3,5,7] y) {{ {body} }}",
        two=np.array(2, np.float32),
        minus=np.array(-2, np.float32),
        each=(3, 1, 1),
    )
    assert not apply_rules(model, RULE)[1].changes
