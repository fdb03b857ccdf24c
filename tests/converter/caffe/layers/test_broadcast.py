import numpy as np
import pytest
from planish.errors import SourceError

RANDOM = np.random.default_rng(3)


def net(kind, shapes, params=""):
    inputs = "".join(
        f'input: "{name}" input_shape {{ {" ".join(f"dim: {size}" for size in shape)} }} '
        for name, shape in shapes.items()
    )
    bottoms = " ".join(f'bottom: "{name}"' for name in shapes)
    return f'{inputs} layer {{ name: "l" type: "{kind}" {bottoms} top: "out" {params} }}'


def values(shapes):
    return {name: RANDOM.standard_normal(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("scale", [(2, 3, 1, 1), (2, 3)])
@pytest.mark.parametrize("batch", [2, 5])
def test_axpy_scales_channels_and_adds(run_net, scale, batch):
    shapes = {"a": scale, "x": (2, 3, 5, 7), "y": (2, 3, 5, 7)}
    feeds = values({name: (batch, *shape[1:]) for name, shape in shapes.items()})
    out = run_net(net("Axpy", shapes), feeds)["out"]
    np.testing.assert_allclose(out, feeds["a"].reshape(batch, 3, 1, 1) * feeds["x"] + feeds["y"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["Add", "Mul"])
@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3, 5, 7), (2, 3, 5, 7)), ((2, 3, 5, 7), (2, 3, 1, 1)), ((2, 3, 5, 7), (5, 1)), ((7,), (2, 3, 5, 7))],
)
def test_shapes_are_repeated_from_the_end(run_net, kind, left, right):
    shapes = {"x": left, "y": right}
    feeds = values(shapes)
    out = run_net(net(kind, shapes), feeds)["out"]
    expected = feeds["x"] + feeds["y"] if kind == "Add" else feeds["x"] * feeds["y"]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 5, 7), ()])
def test_mul_by_a_parameter(run_net, shape):
    feeds = values({"x": (2, 3, 5, 7)})
    factor = RANDOM.standard_normal(shape).astype(np.float32)
    params = "mul_param { " + " ".join(f"mul_shape: {size}" for size in shape) + " }"
    out = run_net(net("Mul", {"x": (2, 3, 5, 7)}, params), feeds, {"l": [factor]})["out"]
    np.testing.assert_allclose(out, feeds["x"] * factor, rtol=1e-5, atol=1e-6)


def test_shapes_that_do_not_fit_are_refused(convert_net):
    with pytest.raises(SourceError, match="differ where neither has size 1"):
        convert_net(net("Add", {"x": (2, 3, 5, 7), "y": (2, 3, 4, 7)}))
    with pytest.raises(SourceError, match="do not fit"):
        convert_net(net("Axpy", {"a": (2, 4), "x": (2, 3, 5, 7), "y": (2, 3, 5, 7)}))
