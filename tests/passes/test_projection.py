"""A wide layer in the space that it sees: the same responses, the same optimum."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes import projection
from planish.passes.graph import to_graph
from planish.passes.layers import list_layers
from planish.passes.lowrank.registry import forms
from planish.passes.lowrank.regressed import RegressedPair
from planish.passes.projection import is_wide, project
from planish.passes.statistics import Sampling, gather
from planish.runtime_check.cost import infer_shapes

TEXT = "g (float[n,40] x) => (float[n,9] y) { y = Gemm <transB=1> (x, w, b) }"


@pytest.fixture
def net(make_model, monkeypatch):
    monkeypatch.setattr(projection, "WIDE", 32)
    parts = as_parts(make_model(TEXT, w=(9, 40), b=(9,)))
    graph = to_graph(parts)
    return graph, list_layers(graph, infer_shapes(parts), "all")[0][0]


@pytest.fixture
def batches(rng):
    """Images with few directions, so that factors can gain from the data."""
    mixing = rng.standard_normal((6, 40)) + 0.1
    return [
        {"x": (rng.standard_normal((5, 6)) @ mixing + 0.1 * rng.standard_normal((5, 40))).astype(np.float32)}
        for _ in range(12)
    ]


def test_the_basis_is_orthonormal_and_gives_the_layer(net):
    layer = net[1]
    assert is_wide(layer)
    made = project(layer)
    basis = made.lift(np.eye(9, dtype=np.float32))
    np.testing.assert_allclose(basis @ basis.T, np.eye(9), atol=1e-5)
    np.testing.assert_allclose(made.narrow.weight @ basis, layer.weight, atol=1e-5)


def test_projected_patches_have_the_same_responses(net, rng):
    layer = net[1]
    made = project(layer)
    patches = rng.standard_normal((7, 1, 40)).astype(np.float32)
    seen = made.apply(patches)
    assert seen.shape == (7, 1, 9)
    np.testing.assert_allclose(seen[:, 0] @ made.narrow.weight.T, patches[:, 0] @ layer.weight.T, atol=1e-4)


def test_filters_that_are_zero_or_alike_do_no_harm(net, rng):
    layer = net[1]
    layer.weight[3], layer.weight[5] = 0, layer.weight[4]
    made = project(layer)
    patches = rng.standard_normal((7, 1, 40)).astype(np.float32)
    wanted = patches[:, 0] @ layer.weight.T
    np.testing.assert_allclose(made.apply(patches)[:, 0] @ made.narrow.weight.T, wanted, atol=1e-3)


def test_the_pair_on_projections_is_the_pair_on_inputs(net, batches):
    """Shrinkage is told of other dimensions, so that the two differ by what it adds; both are near the best."""
    graph, layer = net
    form = forms()["gemm"]
    errors, composed = [], []
    for projected in (False, True):
        known = gather(graph, [layer], batches, Sampling(), projected=projected)[layer.name]
        assert known.gram.shape == ((1, 9, 9) if projected else (1, 40, 40))
        pair = RegressedPair(form, layer, known, 5)
        chain = pair.chain((5,))
        assert [weight.shape for weight in chain.weights] == [(5, 40), (9, 5)]
        errors.append(pair.errors([(2,), (5,)]))
        composed.append(chain.weights[1] @ chain.weights[0])
    images = np.concatenate([feeds["x"] for feeds in batches])
    centred = images - images.mean(axis=0)
    exact = centred @ layer.weight.T
    best = np.linalg.svd(exact, compute_uv=False) ** 2
    for kernel in composed:
        lost = np.square(exact - centred @ kernel.T).sum() / np.square(exact).sum()
        assert lost <= 1.3 * best[5:].sum() / best.sum() + 1e-6
    np.testing.assert_allclose(errors[0], errors[1], rtol=0.2)


def test_convolutions_and_layers_of_as_many_outputs_are_not_wide(make_model, monkeypatch):
    monkeypatch.setattr(projection, "WIDE", 8)
    text = "g (float[n,4,6,5] x) => (float[n,12] y) { a = Conv (x, wa) f = Flatten (a) y = Gemm <transB=1> (f, w) }"
    parts = as_parts(make_model(text, wa=(1, 4, 3, 3), w=(12, 12)))
    layers = list_layers(to_graph(parts), infer_shapes(parts), "all")[0]
    assert [is_wide(layer) for layer in layers] == [False, False]
