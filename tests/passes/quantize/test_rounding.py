import itertools

import numpy as np
import pytest
from planish.passes.quantize.rounding import filter_scales, grid_steps, nearest, reconstructed


def _loss(weight, values, scales, moments):
    delta = values * scales[:, None] - weight
    return np.einsum("nd,de,ne->", delta, moments, delta)


@pytest.fixture
def problem(rng):
    inputs = rng.standard_normal((500, 3)) @ rng.standard_normal((3, 7)) + 0.1 * rng.standard_normal((500, 7))
    weight = rng.standard_normal((5, 7)).astype(np.float32)
    return weight, (inputs.T @ inputs / 500).astype(np.float32)


def test_reconstruction_loses_less_than_nearest(problem):
    weight, moments = problem
    scales = filter_scales(weight, 7)
    plain, fitted = nearest(weight, scales, 7), reconstructed(weight, scales, 7, moments)
    assert _loss(weight, fitted, scales, moments) < 0.5 * _loss(weight, plain, scales, moments)
    assert np.abs(fitted).max() <= 7


def test_reconstruction_is_near_the_best_of_all_roundings(problem):
    weight, moments = problem
    weight, scales = weight[:1], filter_scales(weight[:1], 7, clipped=False)
    base = np.floor(weight / scales[:, None])
    every = [base + np.array(up) for up in itertools.product((0, 1), repeat=7)]
    best = min(_loss(weight, values, scales, moments) for values in every)
    assert _loss(weight, reconstructed(weight, scales, 7, moments), scales, moments) <= 3 * best


def test_uncorrelated_inputs_leave_nearest(rng):
    weight = rng.standard_normal((3, 11)).astype(np.float32)
    scales = filter_scales(weight, 127)
    assert np.array_equal(
        reconstructed(weight, scales, 127, np.eye(11, dtype=np.float32)), nearest(weight, scales, 127)
    )


def test_blocks_do_not_matter(rng, monkeypatch):
    inputs = rng.standard_normal((300, 90)) @ rng.standard_normal((90, 90))
    moments = (inputs.T @ inputs / 300).astype(np.float32)
    weight = rng.standard_normal((4, 90)).astype(np.float32)
    scales = filter_scales(weight, 15)
    blocked = reconstructed(weight, scales, 15, moments)
    monkeypatch.setattr("planish.passes.quantize.rounding._BLOCK", 1000)
    losses = [_loss(weight, v, scales, moments) for v in (blocked, reconstructed(weight, scales, 15, moments))]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_clipping_loses_no_more_than_covering(rng):
    weight = rng.standard_t(2, (6, 200)).astype(np.float32)
    errors = []
    for clipped in (True, False):
        scales = filter_scales(weight, 7, clipped=clipped)
        errors.append(np.square(nearest(weight, scales, 7) * scales[:, None] - weight).sum(axis=1))
    assert (errors[0] <= errors[1]).all()
    assert np.mean(errors[0] / errors[1]) < 0.9


def test_dead_filters_have_a_step():
    scales = filter_scales(np.zeros((2, 3), np.float32), 127)
    assert (scales > 0).all()
    assert not nearest(np.zeros((2, 3), np.float32), scales, 127).any()


@pytest.mark.parametrize("largest", [1, 5, 100, 127])
def test_filters_on_a_grid_keep_it(rng, largest):
    values = rng.integers(-largest, largest + 1, (6, 27))
    values[:, 3] = [largest, -largest] * 3
    steps = rng.uniform(0.001, 10, 6).astype(np.float32)
    weight = (values * steps[:, None] * np.float32(1.3)).astype(np.float32)  # as folding a scale leaves it
    importance = rng.uniform(0.1, 10, 27).astype(np.float32)
    for clipped in (False, True):
        scales = filter_scales(weight, 127, importance, clipped=clipped)
        assert np.abs(nearest(weight, scales, 127) * scales[:, None] - weight).max() <= 1e-5 * np.abs(weight).max()


def test_filters_on_no_grid_that_fits_have_no_grid_step(rng):
    weight = rng.standard_normal((200, 9)).astype(np.float32)
    weight[0] = 0
    weight[1] = np.arange(200, 191, -1)
    assert not grid_steps(weight, 127).any()
    assert grid_steps(weight, 200)[1] == 1
