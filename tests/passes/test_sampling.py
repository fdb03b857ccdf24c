"""Sampled patches against onnxruntime's own convolutions."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph
from planish.passes.layers import list_layers
from planish.passes.sampling import Activations, patches, positions, responses, values_at
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session


def only_layer(model):
    parts = as_parts(model)
    graph = to_graph(parts)
    (layer,), _ = list_layers(graph, infer_shapes(parts), "all")
    return graph, layer


@pytest.mark.parametrize(
    ("conv", "weight"),
    [
        ("<strides=[2,3]>", (6, 4, 3, 5)),
        ("<dilations=[2,3], pads=[2,0,1,3]>", (6, 4, 3, 2)),
        ("<group=2, pads=[1,1,1,1], strides=[2,1]>", (6, 2, 3, 3)),
        ('<auto_pad="SAME_LOWER", strides=[2,2]>', (6, 4, 4, 3)),
    ],
)
def test_responses_to_patches_are_the_convolutions_output(make_model, rng, conv, weight):
    model = make_model(
        f"g (float[n,4,11,13] x) => (float[n,6,h,w0] y) {{ y = Conv {conv} (x, w, b) }}", w=weight, b=(6,)
    )
    _, layer = only_layer(model)
    image = rng.standard_normal((4, 11, 13)).astype(np.float32)
    output = Session(model).run({"x": image[None]})["y"][0]
    where = positions(layer, 0, 10_000, 0)
    assert len(where) == output.shape[1] * output.shape[2]
    got = responses(layer, patches(layer, image[None], [where]))
    np.testing.assert_allclose(got, values_at(layer, output, where), rtol=0, atol=1e-5)


def test_rows_of_a_product_are_sampled(make_model, rng):
    model = make_model("g (float[1,6,5] x) => (float[1,6,7] y) { y = MatMul (x, w) }", w=(5, 7))
    _, layer = only_layer(model)
    image = rng.standard_normal((6, 5)).astype(np.float32)
    where = positions(layer, 3, 4, 0)
    output = Session(model).run({"x": image[None]})["y"][0]
    np.testing.assert_allclose(responses(layer, patches(layer, image[None], [where])), output[where[:, 1]], atol=1e-6)


def test_positions_differ_between_images_and_layers_but_not_between_runs(make_model):
    model = make_model("g (float[n,4,30,31] x) => (float[n,6,h,w0] y) { y = Conv (x, w) }", w=(6, 4, 3, 3))
    _, layer = only_layer(model)
    first = positions(layer, 0, 10, 0)
    assert len(np.unique(first, axis=0)) == 10
    np.testing.assert_array_equal(first, positions(layer, 0, 10, 0))
    assert not np.array_equal(first, positions(layer, 1, 10, 0))
    assert not np.array_equal(first, positions(layer, 0, 10, 1))


def test_activations_of_the_middle_and_of_the_input(make_model, rng):
    model = make_model(
        "g (float[n,4,5,6] x) => (float[n,4,5,6] y) { a = Relu (x) b = Neg (a) c = Exp (b) y = Add (c, a) }"
    )
    graph = to_graph(as_parts(model))
    x = rng.standard_normal((3, 4, 5, 6)).astype(np.float32)
    got = Activations(graph, ["b", "x"])({"x": x})
    np.testing.assert_array_equal(got["b"], -np.maximum(x, 0))
    np.testing.assert_array_equal(got["x"], x)
    assert [output.name for output in graph.outputs] == ["y"]
