"""Least squares through rectifiers: better than the linear fit, and each step as good as any other value."""

import numpy as np
import pytest
from planish.passes.relu_fit import _auxiliary, fit_through_relu, rectified, strengthened

S, F, N = 400, 6, 3


@pytest.mark.parametrize("slopes", [(0.0, 0.0, 0.0), (0.25, -0.3, 0.1)])
def test_the_error_behind_the_rectifier_shrinks(rng, slopes):
    slopes = np.array(slopes, np.float32)
    features = rng.standard_normal((S, F)).astype(np.float32)
    wanted = features[:, :N] @ rng.standard_normal((N, N)) + 0.3 + 0.8 * np.sin(3 * features[:, -N:])
    wanted = wanted.astype(np.float32)
    columns = np.c_[features, np.ones(S, np.float32)]
    linear = np.linalg.lstsq(columns, wanted, rcond=None)[0].astype(np.float32)
    fitted = fit_through_relu(features, linear, wanted, 0.0, slopes=slopes)

    def errors(solution):
        return np.square(rectified(columns @ solution, slopes) - rectified(wanted, slopes)).sum(axis=0)

    assert errors(fitted).sum() < errors(linear).sum()


@pytest.mark.parametrize("slope", [0.0, 0.25, -0.5, 2.0])
def test_no_other_auxiliary_value_is_better(rng, slope):
    response, wanted = rng.standard_normal((2, 50, 1)).astype(np.float32)
    slopes, penalty = np.array([slope], np.float32), 0.3
    wanted = rectified(wanted, slopes)

    def cost(u):
        return np.square(wanted - rectified(u, slopes)) + penalty * np.square(u - response)

    tried = np.linspace(-9, 9, 4001, dtype=np.float32)[None]
    best = cost(tried).min(axis=1, keepdims=True)
    assert (cost(_auxiliary(response, wanted, penalty, slopes)) <= best + 1e-5).all()


def test_features_that_are_all_zero_leave_the_solution_as_it_was(rng):
    features = np.zeros((S, F), np.float32)
    solution = rng.standard_normal((F + 1, N)).astype(np.float32)
    wanted = np.broadcast_to(np.maximum(solution[-1], 0), (S, N))
    fitted = fit_through_relu(features, solution, wanted, 0.0, slopes=np.zeros(N, np.float32), prior=solution)
    np.testing.assert_allclose(fitted[:-1], solution[:-1], rtol=1e-5)


def test_moments_that_are_known_need_not_be_computed(rng):
    features = (rng.standard_normal((S, F)) + 2).astype(np.float32)
    wanted = rng.standard_normal((S, N)).astype(np.float32)
    solution = np.zeros((F + 1, N), np.float32)
    mean = features.mean(axis=0)
    known = (mean, (features - mean).T @ (features - mean))
    fits = [fit_through_relu(features, solution, wanted, 0.0, slopes=np.zeros(N), moments=it) for it in (None, known)]
    np.testing.assert_allclose(fits[0], fits[1], atol=1e-5)


def test_inputs_with_errors_make_answers_weak_and_strengthened_ones_are_as_strong_on_new_samples(rng):
    weights = rng.standard_normal((F, N)).astype(np.float32)
    true = rng.standard_normal((2, S, F)).astype(np.float32)
    seen = true + 0.3 * rng.standard_normal(true.shape).astype(np.float32)
    fitted = np.linalg.lstsq(np.c_[seen[0], np.ones(S)], true[0] @ weights, rcond=None)[0].astype(np.float32)
    better = strengthened(seen[0], fitted, true[0] @ weights)
    wanted = np.square(np.maximum(true[1] @ weights, 0)).sum()

    def strength(solution):
        return np.square(np.maximum(seen[1] @ solution[:-1] + solution[-1], 0)).sum() / wanted

    assert strength(fitted) < 0.95
    assert abs(strength(better) - 1) < 1 - strength(fitted)


def test_a_channel_that_never_answers_stays_as_it_is(rng):
    features = rng.standard_normal((S, F)).astype(np.float32)
    solution = np.zeros((F + 1, N), np.float32)
    solution[-1] = -1
    same = strengthened(features, solution, np.full((S, N), -2, np.float32))
    assert np.array_equal(same, solution)
