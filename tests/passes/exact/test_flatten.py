"""Reshapes before fully connected layers."""

import numpy as np
import pytest
from planish.passes.exact.flatten import RULE


@pytest.mark.parametrize(
    "body",
    [
        "y = Reshape (x, keep)",
        "y = Reshape (x, count)",
        "s = Shape (x) b = Gather (s, zero) u = Unsqueeze (b, axis) t = Concat <axis=0> (u, rest) y = Reshape (x, t)",
    ],
)
def test_they_become_flatten(make_model, assert_same, apply_rules, body):
    model = make_model(
        f"g (float[n,3,5,7] x) => (float[n,105] y) {{ {body} }}",
        keep=np.array([0, -1]),
        count=np.array([-1, 105]),
        zero=np.array(0),
        axis=np.array([0]),
        rest=np.array([-1]),
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Flatten"]
    assert_same(model, after)


def test_other_shapes_stay(make_model, apply_rules):
    text = "g (float[n,3,5,7] x) => (float[m,k] y) { y = Reshape (x, size) }"
    for size in ([-1, 35], [3, -1], [1, -1]):
        assert not apply_rules(make_model(text, size=np.array(size)), RULE)[1].changes
