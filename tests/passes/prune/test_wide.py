"""Wide layers: moments of what channels bring about are those that second moments of all inputs tell."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes import projection, rewrite
from planish.passes.budget import Goal
from planish.passes.graph import to_graph, to_parts
from planish.passes.layers import list_layers
from planish.passes.prune import Prune
from planish.passes.prune.wide import gather_wide
from planish.passes.statistics import Sampling, gather
from planish.passes.targets import find_target
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session

NET = """g (float[n,3,4,6] x) => (float[n,5] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  ar = Relu (a)
  f = Flatten (ar)
  h = Gemm <transB=1> (f, wh, bh)
  hr = Relu (h)
  y = Gemm <transB=1> (hr, wy)
}"""


@pytest.fixture
def model(make_model, rng):
    """Half of the first layer's filters nearly repeat the others."""
    filters = rng.standard_normal((16, 3, 3, 3))
    filters[8:] = filters[:8] + 0.02 * filters[8:]
    return make_model(NET, wa=filters.astype(np.float32), wh=(9, 16 * 24), bh=(9,), wy=(5, 9))


@pytest.fixture
def images(rng):
    """Mixtures of ten patterns: as many images tell of as many positions what few would not of white noise."""
    patterns = rng.standard_normal((10, 3, 4, 6))
    return np.einsum("sp,pchw->schw", rng.standard_normal((104, 10)), patterns).astype(np.float32)


@pytest.fixture
def batches(images):
    return [{"x": images[begin : begin + 8]} for begin in range(0, 64, 8)]


def test_moments_of_channels_are_those_of_the_inputs_summed(model, batches):
    graph = to_graph(as_parts(model))
    layers = {layer.name: layer for layer in list_layers(graph, infer_shapes(to_parts(graph)), "all")[0]}
    wide = layers["h"]
    roots = np.repeat(np.arange(100, 116), 24)
    moments = gather_wide(graph, {"h": (wide, roots)}, batches, Sampling(4))["h"]
    known = gather(graph, [wide], batches, Sampling(4))["h"]
    gram = known.gram[0] - np.outer(known.mean[0], known.mean[0])
    products = gram * (wide.weight.T @ wide.weight)
    expected = products.reshape(16, 24, 16, 24).sum(axis=(1, 3))
    np.testing.assert_allclose(moments.gram, expected, atol=2e-4 * np.abs(expected).max())
    np.testing.assert_allclose(moments.mean, known.mean[0], atol=1e-5)
    np.testing.assert_array_equal(moments.roots, np.arange(100, 116))
    assert moments.count == known.count == 64


@pytest.mark.parametrize("criterion", ["lasso", "greedy"])
def test_a_wide_layer_is_pruned_and_fitted_without_second_moments_of_its_inputs(
    model, images, batches, monkeypatch, criterion
):
    monkeypatch.setattr(projection, "WIDE", 100)
    step = Prune(Goal("MACs", 1.6), criterion, ends=True, protected=["y"], batches=batches, target=find_target("mnn"))
    result = rewrite(model, [step], exact=False)
    assert result.before.macs() / result.after.macs() >= 1.6
    unseen = {"x": images[64:]}
    wanted, got = Session(model).run(unseen)["y"], Session(result.parts.to_model()).run(unseen)["y"]
    assert np.square(wanted - got).sum() < 0.15 * np.square(wanted - wanted.mean(axis=0)).sum()
