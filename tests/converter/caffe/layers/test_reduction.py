import numpy as np
import pytest
from planish.errors import SourceError

X = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)


def run(run_net, kind, params="", x=X):
    dims = " ".join(f"dim: {size}" for size in x.shape)
    text = f'input: "x" input_shape {{ {dims} }} layer {{ name: "r" type: "{kind}" bottom: "x" top: "y" {params} }}'
    return run_net(text, {"x": x})["y"]


OPERATIONS = {
    "SUM": np.sum,
    "ASUM": lambda x, a: np.abs(x).sum(a),
    "SUMSQ": lambda x, a: (x**2).sum(a),
    "MEAN": np.mean,
}


@pytest.mark.parametrize("opset", [17, 18])
@pytest.mark.parametrize("axis", [0, 1, 3, -2])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_reduction(run_net, operation, axis, opset):
    params = f"reduction_param {{ operation: {operation} axis: {axis} coeff: 0.5 }}"
    text = 'input: "x" input_shape { dim: 2 dim: 3 dim: 4 dim: 5 } '
    text += f'layer {{ name: "r" type: "Reduction" bottom: "x" top: "y" {params} }}'
    expected = 0.5 * OPERATIONS[operation](X, tuple(range(axis % 4, 4)))
    np.testing.assert_allclose(run_net(text, {"x": X}, opset=opset)["y"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 3, -2])
def test_softmax(run_net, axis):
    expected = np.exp(X) / np.exp(X).sum(axis, keepdims=True)
    np.testing.assert_allclose(run(run_net, "Softmax", f"softmax_param {{ axis: {axis} }}"), expected, rtol=1e-5)


def largest(x, axis, count):
    """Positions of the largest; of equals the last first, as std::greater orders (value, index) pairs."""
    size = x.shape[axis]
    order = np.lexsort(
        (np.moveaxis(np.broadcast_to(np.arange(size), np.moveaxis(x, axis, -1).shape), -1, axis), x), axis
    )
    return np.take(order, range(size - 1, size - 1 - count, -1), axis)


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize(("axis", "count"), [(1, 1), (2, 3), (-1, 5), (0, 2)])
def test_argmax_along_an_axis(run_net, axis, count, values):
    params = f"argmax_param {{ axis: {axis} top_k: {count} out_max_val: {values} }}"
    index = largest(X, axis % 4, count)
    expected = np.take_along_axis(X, index, axis) if values else index
    np.testing.assert_array_equal(run(run_net, "ArgMax", params), expected)


@pytest.mark.parametrize("shape", [(2, 12), (2, 3, 4), (2, 3, 2, 2), (2, 3, 2, 1, 2)])
@pytest.mark.parametrize("values", [False, True])
def test_argmax_of_each_sample(run_net, shape, values):
    x = X.reshape(-1)[: int(np.prod(shape))].reshape(shape)
    flat = x.reshape(2, -1)
    index = largest(flat, 1, 3)
    rows = [index, np.take_along_axis(flat, index, 1)] if values else [index]
    expected = np.stack(rows, 1).reshape(2, len(rows), 3, *[1] * (len(shape) - 3))
    np.testing.assert_array_equal(
        run(run_net, "ArgMax", f"argmax_param {{ top_k: 3 out_max_val: {values} }}", x), expected
    )


def test_argmax_of_equals_takes_the_last(run_net):
    x = np.array([[1, 3, 3, 0], [2, 2, 2, 2]], np.float32)
    assert run(run_net, "ArgMax", "", x).ravel().tolist() == [2, 3]


@pytest.mark.parametrize("count", [0, 61])
def test_top_k_beyond_the_values(convert_net, count):
    text = 'input: "x" input_shape { dim: 2 dim: 60 } layer { name: "r" type: "ArgMax" bottom: "x" top: "y" '
    with pytest.raises(SourceError, match="of 60 values"):
        convert_net(text + f"argmax_param {{ top_k: {count} }} }}")
