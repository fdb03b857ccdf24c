import numpy as np
import pytest
from planish.errors import SourceError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 5, 7)).astype(np.float32)


def run(run_net, kind, params="", x=X, blobs=None):
    dims = " ".join(f"dim: {size}" for size in x.shape)
    text = f'input: "x" input_shape {{ {dims} }} layer {{ name: "n" type: "{kind}" bottom: "x" top: "y" {params} }}'
    return run_net(text, {"x": x}, blobs)["y"]


def per_channel(values, rank=4):
    return np.reshape(values, (-1, *[1] * (rank - 2)))


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 5, 7), (2, 3, 2, 5, 4)])
@pytest.mark.parametrize("factor", [1.0, 37.5, 0.0])
def test_batch_norm_divides_by_the_third_blob(run_net, shape, factor):
    x = RNG.standard_normal(shape).astype(np.float32)
    mean, variance = RNG.standard_normal(3), RNG.random(3) + 0.5
    found = run(run_net, "BatchNorm", "batch_norm_param { eps: 0.01 }", x, {"n": [mean, variance, [factor]]})
    share = 1 / factor if factor else 0
    expected = (x - per_channel(mean * share, len(shape))) / np.sqrt(per_channel(variance * share, len(shape)) + 0.01)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_of_one_axis(run_net):
    x = RNG.standard_normal(5).astype(np.float32)
    found = run(run_net, "BatchNorm", "", x, {"n": [[2.0], [4.0], [1.0]]})
    np.testing.assert_allclose(found, (x - 2) / np.sqrt(4 + 1e-5), rtol=1e-5)


def test_batch_norm_with_the_batchs_own_statistics(run_net):
    found = run(run_net, "BatchNorm", "batch_norm_param { use_global_stats: false }")
    expected = (X - X.mean((0, 2, 3), keepdims=True)) / np.sqrt(X.var((0, 2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_with_scale_and_bias(run_net):
    blobs = [RNG.standard_normal(3), RNG.random(3) + 0.5, [2.0], RNG.standard_normal(3), RNG.standard_normal(3)]
    found = run(run_net, "BatchNorm", "batch_norm_param { scale_bias: true }", blobs={"n": blobs})
    mean, variance, _, scale, shift = (per_channel(blob) for blob in blobs)
    expected = (X - mean / 2) / np.sqrt(variance / 2 + 1e-5) * scale + shift
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "alpha", "beta", "k"), [(3, 0.5, 0.75, 1.0), (5, 2.0, 0.5, 2.0), (1, 1.0, 1.0, 3.0)])
def test_lrn_across_channels(run_net, size, alpha, beta, k):
    x = RNG.standard_normal((2, 6, 5, 7)).astype(np.float32)
    padded = np.pad(x**2, ((0, 0), (size // 2, size // 2), (0, 0), (0, 0)))
    total = sum(padded[:, start : start + 6] for start in range(size))
    params = f"lrn_param {{ local_size: {size} alpha: {alpha} beta: {beta} k: {k} }}"
    expected = x / (k + alpha / size * total) ** beta
    np.testing.assert_allclose(run(run_net, "LRN", params, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "alpha", "beta"), [(3, 0.5, 0.75), (5, 2.0, 0.5)])
def test_lrn_within_a_channel_counts_its_padding_and_ignores_k(run_net, size, alpha, beta):
    padded = np.pad(X**2, ((0, 0), (0, 0), (size // 2,) * 2, (size // 2,) * 2))
    total = sum(padded[:, :, i : i + 5, j : j + 7] for i in range(size) for j in range(size))
    params = f"lrn_param {{ norm_region: WITHIN_CHANNEL local_size: {size} alpha: {alpha} beta: {beta} k: 9 }}"
    expected = X * (1 + alpha * total / size**2) ** -beta
    np.testing.assert_allclose(run(run_net, "LRN", params), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("variance", [False, True])
def test_mvn_adds_eps_after_the_root(run_net, across, variance):
    params = f"mvn_param {{ across_channels: {across} normalize_variance: {variance} eps: 0.1 }}"
    axes = (1, 2, 3) if across else (2, 3)
    centred = X - X.mean(axes, keepdims=True)
    expected = centred / (X.std(axes, keepdims=True) + 0.1) if variance else centred
    np.testing.assert_allclose(run(run_net, "MVN", params), expected, rtol=1e-4, atol=1e-5)


def test_lrn_of_an_even_size(convert_net):
    text = 'input: "x" input_shape { dim: 1 dim: 2 dim: 3 dim: 4 } layer { type: "LRN" bottom: "x" top: "y" '
    with pytest.raises(SourceError, match="odd local_size"):
        convert_net(text + "lrn_param { local_size: 4 } }")
