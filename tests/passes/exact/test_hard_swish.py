"""Hard swish put together again."""

import numpy as np
import pytest
from planish.passes.exact.hard_swish import RULE

CONSTANTS = {"three": 3, "zero": 0, "six": 6, "sixth": 1 / 6, "five": 5}


def build(make_model, body):
    arrays = {name: np.array(value, np.float32) for name, value in CONSTANTS.items()}
    return make_model(f"g (float[n,3,5,7] x) => (float[n,3,5,7] y) {{ a = Add (x, three) {body} }}", **arrays)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("b = Clip (a, zero, six) c = Mul (x, b) y = Div (c, six)", ["HardSwish"]),
        ("b = Clip (a, zero, six) c = Div (b, six) y = Mul (c, x)", ["HardSwish"]),
        ("b = Clip (a, zero, six) c = Mul (b, sixth) y = Mul (x, c)", ["HardSwish"]),
        ("b = Clip (a, zero, six) y = Div (b, six)", ["HardSigmoid"]),
    ],
)
def test_forms(make_model, assert_same, apply_rules, body, left):
    model = build(make_model, body)
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == left
    assert_same(model, after)


@pytest.mark.parametrize(
    "body",
    [
        "b = Clip (a, zero, five) y = Div (b, six)",
        "b = Clip (a, zero, six) y = Div (b, five)",
        "b = Clip (a, zero, six) c = Mul (x, b) d = Div (c, six) y = Add (d, b)",
    ],
)
def test_other_numbers_and_other_readers_stay(make_model, apply_rules, body):
    assert not apply_rules(build(make_model, body), RULE)[1].changes


def test_before_opset_14_there_is_no_such_operator(make_model, apply_rules):
    arrays = {name: np.array(value, np.float32) for name, value in CONSTANTS.items()}
    text = "g (float[n,3] x) => (float[n,3] y) { a = Add (x, three) b = Clip (a, zero, six) y = Div (b, six) }"
    assert not apply_rules(make_model(text, opset=13, **arrays), RULE)[1].changes
