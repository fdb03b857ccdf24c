import numpy as np
import pytest
from planish.errors import SourceError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 5, 7)).astype(np.float32)
INPUT = 'input: "x" input_shape { dim: 2 dim: 3 dim: 5 dim: 7 } '


def along(values, axis):
    return values.reshape((*values.shape, *[1] * (4 - axis - values.ndim)))


@pytest.mark.parametrize(
    ("params", "axis", "shape"),
    [
        ("", 1, (3,)),
        ("axis: 2", 2, (5,)),
        ("axis: -1", 3, (7,)),
        ("axis: 1 num_axes: 2", 1, (3, 5)),
        ("axis: 1 num_axes: -1", 1, (3, 5, 7)),
        ("num_axes: 0", 4, ()),
        ("axis: 0 num_axes: -1", 0, (2, 3, 5, 7)),
    ],
)
@pytest.mark.parametrize("bias", [False, True])
def test_scale_and_bias_along_some_axes(run_net, params, axis, shape, bias):
    factor, term = RNG.standard_normal((2, *shape)).astype(np.float32)
    text = f'layer {{ name: "s" type: "Scale" bottom: "x" top: "y" scale_param {{ {params} bias_term: {bias} }} }}'
    found = run_net(INPUT + text, {"x": X}, {"s": [factor, term] if bias else [factor]})["y"]
    expected = X * along(np.asarray(factor), axis) + (along(np.asarray(term), axis) if bias else 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["Scale", "Bias"])
@pytest.mark.parametrize(("axis", "shape"), [(0, (2, 3)), (1, (3,)), (2, (5, 7)), (1, ())])
def test_the_second_bottom_as_operand(run_net, kind, axis, shape):
    dims = " ".join(f"dim: {size}" for size in shape)
    text = f'input: "x" input: "g" input_shape {{ dim: 2 dim: 3 dim: 5 dim: 7 }} input_shape {{ {dims} }} '
    text += (
        f'layer {{ name: "s" type: "{kind}" bottom: "x" bottom: "g" top: "y" {kind.lower()}_param {{ axis: {axis} }} }}'
    )
    g = RNG.standard_normal(shape).astype(np.float32)
    found = run_net(text, {"x": X, "g": g})["y"]
    wide = along(np.asarray(g), axis if shape else 4)
    np.testing.assert_allclose(found, X * wide if kind == "Scale" else X + wide, rtol=1e-5, atol=1e-6)


def test_a_two_bottom_scale_has_its_bias_as_first_blob(run_net):
    text = 'input: "x" input: "g" input_shape { dim: 2 dim: 3 dim: 5 dim: 7 } input_shape { dim: 3 } layer { name: "s" '
    text += 'type: "Scale" bottom: "x" bottom: "g" top: "y" scale_param { bias_term: true } }'
    g, term = RNG.standard_normal((2, 3)).astype(np.float32)
    found = run_net(text, {"x": X, "g": g}, {"s": [term]})["y"]
    np.testing.assert_allclose(found, X * along(g, 1) + along(term, 1), rtol=1e-5, atol=1e-6)


def test_bias(run_net):
    text = 'layer { name: "s" type: "Bias" bottom: "x" top: "y" bias_param { axis: 2 num_axes: 2 } }'
    term = RNG.standard_normal((5, 7)).astype(np.float32)
    np.testing.assert_allclose(run_net(INPUT + text, {"x": X}, {"s": [term]})["y"], X + term, rtol=1e-6)


@pytest.mark.parametrize("params", ["num_axes: 9", "num_axes: -2", "axis: 4"])
def test_axes_that_do_not_exist(convert_net, params):
    text = f'layer {{ name: "s" type: "Scale" bottom: "x" top: "y" scale_param {{ {params} }} }}'
    with pytest.raises(SourceError, match=r"layer 's' \(Scale\)"):
        convert_net(INPUT + text, random_weights=0)
