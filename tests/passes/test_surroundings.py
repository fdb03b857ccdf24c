"""What stands behind a layer: rectifiers of every kind, and shortcuts."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph
from planish.passes.layers import list_layers
from planish.passes.surroundings import surroundings
from planish.runtime_check.cost import infer_shapes


def slopes_behind(model):
    parts = as_parts(model)
    graph = to_graph(parts)
    layers = list_layers(graph, infer_shapes(parts), "all")[0]
    return surroundings(graph, next(layer for layer in layers if layer.name == "a")).slopes


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("Relu (a)", 0.0),
        ("LeakyRelu <alpha=0.2> (a)", 0.2),
        ("LeakyRelu (a)", 0.01),
        ("Clip (a, zero, six)", 0.0),
        ("PRelu (a, slope)", 0.3),
        ("Clip (a, six)", None),
        ("PRelu (a, wide)", None),
        ("Sigmoid (a)", None),
    ],
)
def test_rectifiers_have_slopes(make_model, activation, expected):
    model = make_model(
        f"g (float[n,3,5,7] x) => (float[n,7,5,7] y) {{ a = Conv (x, w) y = {activation} }}",
        w=(7, 3, 1, 1),
        zero=np.array(0, np.float32),
        six=np.array(6, np.float32),
        slope=np.full((7, 1, 1), 0.3, np.float32),
        wide=np.full((1, 1, 7), 0.3, np.float32),
    )
    found = slopes_behind(model)
    if expected is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found, np.full(7, expected, np.float32))


def test_of_two_different_rectifiers_neither_counts(make_model):
    body = "a = Conv (x, w) r = Relu (a) l = LeakyRelu (a) y = Add (r, l)"
    model = make_model(f"g (float[n,3,5,7] x) => (float[n,4,5,7] y) {{ {body} }}", w=(4, 3, 1, 1))
    assert slopes_behind(model) is None


def test_a_sum_is_rectified_with_its_shortcut(make_model):
    body = "a = Conv (x, w) s = Add (a, x) y = PRelu (s, slope)"
    slope = np.array([[[0.1]], [[0.2]], [[0.3]]], np.float32)
    model = make_model(f"g (float[n,3,5,7] x) => (float[n,3,5,7] y) {{ {body} }}", w=(3, 3, 1, 1), slope=slope)
    parts = as_parts(model)
    assert slopes_behind(parts) is None  # the network's input is no tensor that a layer made
    body = "r = Relu (x) " + body.replace("(a, x)", "(a, r)")
    model = make_model(f"g (float[n,3,5,7] x) => (float[n,3,5,7] y) {{ {body} }}", w=(3, 3, 1, 1), slope=slope)
    np.testing.assert_array_equal(slopes_behind(model), slope.reshape(-1))
