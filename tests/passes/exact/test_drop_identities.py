"""Identities and dropouts go, the graph's interface stays."""

import numpy as np
import pytest
from planish.passes.exact.drop_identities import RULE


@pytest.fixture
def cleaned(apply_rules):
    return lambda model: apply_rules(model, RULE)


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
def test_they_are_bypassed(cleaned, make_model, assert_same, body, left):
    model = make_model(f"g (float[n,3,5] x) => (float[n,3,5] y) {{ {body} }}")
    after, _ = cleaned(model)
    assert [node.op_type for node in after.graph.node] == left
    assert_same(model, after)


def test_an_output_that_others_read_too_keeps_its_name(cleaned, make_model, assert_same):
    model = make_model(
        "g (float[n,3,5] x) => (float[n,3,5] y, float[n,3,5] z) { a = Relu (x) y = Identity (a) z = Neg (a) }"
    )
    after, _ = cleaned(model)
    assert [node.op_type for node in after.graph.node] == ["Relu", "Neg"]
    assert_same(model, after)


@pytest.mark.parametrize("body", ["y = Identity (x) z = Neg (x)", "z = Exp (x) y = Identity (z)"])
def test_identities_between_two_public_names_stay(cleaned, make_model, assert_same, body):
    model = make_model(f"g (float[n,3,5] x) => (float[n,3,5] y, float[n,3,5] z) {{ {body} }}")
    after, result = cleaned(model)
    assert "Identity" in [node.op_type for node in after.graph.node]
    assert "two names" in result.skips[0].why
    assert_same(model, after)


def test_a_dropout_in_training_mode_or_with_its_mask_in_use_stays(cleaned, make_model):
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


@pytest.mark.parametrize(
    "node",
    [
        "Reshape (r, same)",
        "Reshape (r, sizes)",
        "Transpose <perm=[0,1,2,3]> (r)",
        "Slice (r, starts, ends, axes)",
        "Concat <axis=1> (r)",
        "Sum (r)",
        "Pad (r, none)",
        "MaxPool <kernel_shape=[1,1]> (r)",
        "AveragePool <kernel_shape=[1,1], strides=[1,1]> (r)",
        "Mul (ones, r)",
        "Div (r, ones)",
        "Add (r, zero)",
        "Sub (r, zeros)",
        "Expand (r, sizes)",
    ],
)
def test_nodes_that_change_nothing_go(make_model, assert_same, cleaned, node):
    model = make_model(
        f"g (float[2,3,5,7] x) => (float[2,3,5,7] y) {{ r = Relu (x) i = {node} y = Neg (i) }}",
        same=np.array([0, 0, 5, -1]),
        sizes=np.array([2, 3, 5, 7]),
        starts=np.array([0, 0]),
        ends=np.array([5, 7]),
        axes=np.array([2, 3]),
        none=np.zeros(8, np.int64),
        ones=np.ones((3, 1, 1), np.float32),
        zero=np.array(0, np.float32),
        zeros=np.zeros((5, 7), np.float32),
    )
    after, _ = cleaned(model)
    assert [n.op_type for n in after.graph.node] == ["Relu", "Neg"]
    assert_same(model, after)


@pytest.mark.parametrize(
    "node",
    [
        "Reshape (r, swapped)",
        "Transpose <perm=[0,1,3,2]> (r)",
        "Slice (r, starts, ends, axes, steps)",
        "MaxPool <kernel_shape=[1,1], strides=[2,1]> (r)",
        "AveragePool <kernel_shape=[1,1], pads=[1,0,0,0]> (r)",
        "Add (r, larger)",
        "Sub (zero, r)",
        "Div (ones, r)",
    ],
)
def test_nodes_that_change_something_stay(make_model, assert_same, cleaned, node):
    model = make_model(
        f"g (float[n,3,5,5] x) => (float[m,c,h,w] y) {{ r = Exp (x) i = {node} y = Neg (i) }}",
        swapped=np.array([3, -1, 5, 5]),
        starts=np.array([4]),
        ends=np.array([-9]),
        axes=np.array([2]),
        steps=np.array([-1]),
        zero=np.array(0, np.float32),
        ones=np.ones((3, 1, 1), np.float32),
        larger=np.zeros((2, 3, 5, 5), np.float32),
    )
    after, result = cleaned(model)
    assert len(after.graph.node) == 3
    assert not result.changes
