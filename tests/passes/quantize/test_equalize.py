import numpy as np
import pytest
from planish.passes.graph import to_parts
from planish.passes.layers import list_layers
from planish.passes.quantize.equalize import equalize
from planish.passes.quantize.observe import channel_ranges
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session


def _equalized(graph, batches):
    shapes = infer_shapes(to_parts(graph))
    layers, _ = list_layers(graph, shapes, "all")
    inputs = [layer.node.inputs[0].name for layer in layers]
    changed = equalize(graph, layers, channel_ranges(graph, inputs, batches), shapes)
    inputs = [layer.node.inputs[0].name for layer in layers]
    return changed, channel_ranges(graph, inputs, batches)


def _uneven(model, name, factors):
    tensor = next(t for t in model.graph.initializer if t.name == name)
    values = np.frombuffer(tensor.raw_data, np.float32).reshape(tuple(tensor.dims)).copy()
    tensor.raw_data = (values * factors.reshape(-1, *[1] * (values.ndim - 1))).tobytes()


def test_computes_the_same_with_even_channels(chain, graph_of, make_batches, rng):
    factors = np.exp(rng.uniform(-4, 0, 16)).astype(np.float32)
    for name in ("w1", "b1"):
        _uneven(chain, name, factors)
    batches = make_batches()
    graph = graph_of(chain)
    changed, ranges = _equalized(graph, batches)
    assert len(changed) >= 2
    spans = ranges["r1_equalized"].reach
    assert not {"c1", "r1"} & graph.tensors().keys()  # what has other values has another name
    assert spans.max() / spans[spans > 0].min() < 1.5
    before, after = Session(chain), Session(to_parts(graph).to_model())
    for feeds in batches:
        expected, got = before.run(feeds)["y"], after.run(feeds)["y"]
        np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


def test_scales_pass_through_a_residual_sum(make_model, graph_of, make_batches, rng):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5,24,20] y) {
            c1 = Conv(x, w1)  r1 = Relu(c1)
            c2 = Conv(r1, w2)  s = Add(c2, r1)  r2 = Relu(s)
            y = Conv(r2, w3)
        }""",
        w1=(8, 3, 1, 1), w2=(8, 8, 1, 1), w3=(5, 8, 1, 1),
    )  # fmt: skip
    _uneven(model, "w1", np.exp(rng.uniform(-5, 0, 8)).astype(np.float32))
    batches, graph = make_batches(), graph_of(model)
    changed, _ = _equalized(graph, batches)
    assert len(changed) == 3
    feeds = batches.batches[0]
    expected, got = Session(model).run(feeds)["y"], Session(to_parts(graph).to_model()).run(feeds)["y"]
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


def test_scales_pass_through_concatenations(make_model, graph_of, make_batches, rng):
    """Also where a part is read beside the whole, and where sums join channels of several parts."""
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5,12,10] y) {
            c1 = Conv(x, w1)  r1 = Relu(c1)  c2 = Conv(x, w2)  r2 = Relu(c2)
            k = Concat<axis = 1>(r1, r2)  c3 = Conv(r1, w3)  s = Add(k, c3)
            p = MaxPool<kernel_shape = [2,2], strides = [2,2]>(s)  y = Conv(p, w4)
        }""",
        w1=(4, 3, 1, 1), w2=(6, 3, 1, 1), w3=(10, 4, 1, 1), w4=(5, 10, 1, 1),
    )  # fmt: skip
    for name, size in (("w1", 4), ("w2", 6), ("w3", 10)):
        _uneven(model, name, np.exp(rng.uniform(-5, 0, size)).astype(np.float32))
    batches, graph = make_batches(), graph_of(model)
    changed, _ = _equalized(graph, batches)
    assert len(changed) == 4
    for feeds in batches:
        expected, got = Session(model).run(feeds)["y"], Session(to_parts(graph).to_model()).run(feeds)["y"]
        np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


def test_products_of_sequences_stay(make_model, graph_of, rng):
    model = make_model(
        "g (float[b,7,5] x) => (float[b,7,3] y) { a = MatMul(x, w1)  r = Relu(a)  y = MatMul(r, w2) }",
        w1=(5, 7), w2=(7, 3),
    )  # fmt: skip
    changed, _ = _equalized(graph_of(model), [{"x": rng.standard_normal((4, 7, 5)).astype(np.float32)}])
    assert not changed


@pytest.mark.parametrize("leak", ["z = Sigmoid(r1)", "z = Identity(r1)"])
def test_channels_that_are_seen_elsewhere_stay(make_model, graph_of, make_batches, leak):
    model = make_model(
        f"""g (float[b,3,24,20] x) => (float[b,5,24,20] y, float[b,8,24,20] z) {{
            c1 = Conv(x, w1)  r1 = Relu(c1)  y = Conv(r1, w2)  {leak}
        }}""",
        w1=(8, 3, 1, 1), w2=(5, 8, 1, 1),
    )  # fmt: skip
    changed, _ = _equalized(graph_of(model), make_batches())
    assert not changed
