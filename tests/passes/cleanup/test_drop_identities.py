"""Identities and dropouts go, the graph's interface stays."""

import numpy as np
import pytest
from planish.passes import rewrite


def cleaned(model):
    result = rewrite(model, [])
    return result.parts.to_model(), dict(result.results)["drop_identities"]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("a = Identity (x) y = Relu (a)", ["Relu"]),
        ("a = Relu (x) y = Identity (a)", ["Relu"]),
        ("a = Relu (x) b = Dropout (a) c = Identity (b) y = Neg (c)", ["Relu", "Neg"]),
        ("a = Relu (x) y = Identity (a) ", ["Relu"]),
        ("a = Relu (x) b = Identity (a) c = Neg (a) d = Add (b, c) y = Exp (d)", ["Relu", "Neg", "Add", "Exp"]),
        ("a = Exp (x) b = Identity (a) y = Mul (b, b)", ["Exp", "Mul"]),
    ],
)
def test_they_are_bypassed(make_model, assert_same, body, left):
    model = make_model(f"g (float[n,3,5] x) => (float[n,3,5] y) {{ {body} }}")
    after, _ = cleaned(model)
    assert [node.op_type for node in after.graph.node] == left
    assert_same(model, after)


def test_an_output_that_others_read_too_keeps_its_name(make_model, assert_same):
    model = make_model(
        "g (float[n,3,5] x) => (float[n,3,5] y, float[n,3,5] z) { a = Relu (x) y = Identity (a) z = Neg (a) }"
    )
    after, _ = cleaned(model)
    assert [node.op_type for node in after.graph.node] == ["Relu", "Neg"]
    assert_same(model, after)


@pytest.mark.parametrize("body", ["y = Identity (x) z = Neg (x)", "z = Exp (x) y = Identity (z)"])
def test_identities_between_two_public_names_stay(make_model, assert_same, body):
    model = make_model(f"g (float[n,3,5] x) => (float[n,3,5] y, float[n,3,5] z) {{ {body} }}")
    after, result = cleaned(model)
    assert "Identity" in [node.op_type for node in after.graph.node]
    assert "two names" in result.skips[0].why
    assert_same(model, after)


def test_a_dropout_in_training_mode_or_with_its_mask_in_use_stays(make_model):
    training = make_model(
        "g (float[n,3,5] x) => (float[n,3,5] y) { y = Dropout (x, r, t) }",
        r=np.array(0.5, np.float32),
        t=np.array(True),
    )
    masked = make_model("g (float[n,3,5] x) => (float[n,3,5] y, bool[n,3,5] m) { y, m = Dropout (x) }")
    for model, reason in ((training, "training"), (masked, "mask")):
        after, result = cleaned(model)
        assert [node.op_type for node in after.graph.node] == ["Dropout"]
        assert reason in result.skips[0].why
