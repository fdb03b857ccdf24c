"""Streamed moments against NumPy on all the patches at once."""

import numpy as np
import pytest
from planish.errors import DataError
from planish.files import as_parts
from planish.passes.cache import Cache
from planish.passes.graph import to_graph
from planish.passes.layers import list_layers
from planish.passes.sampling import patches, positions, responses
from planish.passes.statistics import Sampling, gather
from planish.runtime_check.cost import infer_shapes

TEXT = (
    "g (float[n,4,9,11] x) => (float[n,5] y) { a = Conv <pads=[1,1,1,1], group=2> (x, wa, ba) r = Relu (a) "
    "b = Conv <strides=[2,2]> (r, wb) p = GlobalAveragePool (b) f = Flatten (p) y = Gemm <transB=1> (f, wy, by) }"
)
WEIGHTS = {"wa": (6, 2, 3, 3), "ba": (6,), "wb": (8, 6, 3, 3), "wy": (5, 8), "by": (5,)}


@pytest.fixture
def net(make_model):
    parts = as_parts(make_model(TEXT, **WEIGHTS))
    graph = to_graph(parts)
    return graph, list_layers(graph, infer_shapes(parts), "all")[0]


def batches_of(images, size):
    return [{"x": images[i : i + size]} for i in range(0, len(images), size)]


def test_moments_are_those_of_all_patches(net, rng):
    graph, layers = net
    images = rng.standard_normal((7, 4, 9, 11)).astype(np.float32)
    sampling = Sampling(samples=5, seed=3)
    known = gather(graph, layers, batches_of(images, 3), sampling)["a"]
    layer = layers[0]
    rows = patches(layer, images, [positions(layer, image, 5, 3) for image in range(len(images))])
    assert known.count == len(rows) == 35
    np.testing.assert_allclose(known.mean, rows.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(known.gram, np.einsum("sgd,sge->gde", rows, rows) / 35, atol=1e-5)
    np.testing.assert_allclose(known.responses, responses(layer, rows), atol=1e-5)


def test_neither_batches_nor_groups_of_layers_change_anything(net, rng):
    graph, layers = net
    images = rng.standard_normal((6, 4, 9, 11)).astype(np.float32)
    whole = gather(graph, layers, batches_of(images, 6), Sampling())
    grouped = gather(graph, layers, batches_of(images, 2), Sampling(memory=1))
    assert whole.keys() == grouped.keys() == {"a", "b", "y"}
    for name, known in whole.items():
        np.testing.assert_allclose(known.gram, grouped[name].gram, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(known.responses, grouped[name].responses, rtol=1e-4, atol=1e-5)


def test_no_data_and_infinite_data_are_refused(net):
    graph, layers = net
    with pytest.raises(DataError, match="empty"):
        gather(graph, layers, [], Sampling())
    with pytest.raises(DataError, match="layer 'a' holds NaN or infinity"):
        gather(graph, layers, batches_of(np.full((2, 4, 9, 11), np.inf, np.float32), 2), Sampling())


def test_what_is_in_the_cache_is_not_gathered_again(net, rng, tmp_path, monkeypatch):
    graph, layers = net
    batches = batches_of(rng.standard_normal((6, 4, 9, 11)).astype(np.float32), 2)
    plain = gather(graph, layers, batches, Sampling())
    first = gather(graph, layers[:2], batches, Sampling(cache=Cache(tmp_path)))
    gather(graph, layers, batches, Sampling(cache=Cache(tmp_path)))
    streams = []
    monkeypatch.setattr("planish.passes.statistics.Activations", lambda *_: streams.append("once more"))
    cache = Cache(tmp_path)
    again = gather(graph, layers, batches, Sampling(cache=cache))
    assert not streams and not cache.notes and len(first) == 2
    for name, known in plain.items():
        np.testing.assert_array_equal(again[name].gram, known.gram)
        np.testing.assert_array_equal(again[name].mean, known.mean)
        np.testing.assert_array_equal(again[name].responses, known.responses)
        assert again[name].count == known.count


@pytest.mark.parametrize("change", ["samples", "seed", "data", "weights"])
def test_other_settings_data_and_weights_are_gathered_anew(net, rng, tmp_path, change):
    graph, layers = net
    images = rng.standard_normal((6, 4, 9, 11)).astype(np.float32)
    gather(graph, layers, batches_of(images, 2), Sampling(samples=5, cache=Cache(tmp_path)))
    cache = Cache(tmp_path)
    settings = {"samples": 6} if change == "samples" else {"samples": 5, "seed": int(change == "seed")}
    if change == "data":
        images = images + np.float32(1)
    if change == "weights":
        layers[0].node.inputs[1].values = layers[0].weight + np.float32(1)
    sampling = Sampling(**settings, cache=cache)
    before = len(list(tmp_path.iterdir()))
    gather(graph, layers, batches_of(images, 2), sampling)
    assert len(list(tmp_path.iterdir())) == 2 * before
