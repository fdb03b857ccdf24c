"""Factors from second moments against least squares on the samples themselves."""

from dataclasses import replace

import numpy as np
import pytest
from planish.passes.lowrank.regression import Moments, _solve_both_sides, alternate, errors_of_cuts, fit_second, start
from planish.passes.shrinkage import shrinkage

FILTERS, Q, P, COUNT = 10, 3, 8, 400


@pytest.fixture
def data(rng):
    inputs = rng.standard_normal((COUNT, 9)) @ rng.standard_normal((9, Q * P))
    inputs = (inputs + 0.3 * rng.standard_normal((COUNT, Q * P)) + 1).astype(np.float32)
    kernel = rng.standard_normal((FILTERS, Q, P)).astype(np.float32)
    return inputs, kernel, inputs @ kernel.reshape(FILTERS, -1).T + 2


def moments_of(inputs, kernel, outputs, q=Q, pull=0.0):
    x, y = inputs - inputs.mean(axis=0), outputs - outputs.mean(axis=0)
    return Moments(
        gram=x.T @ x / len(x),
        cross=y.T @ x / len(x),
        energy=float(np.square(y).sum() / len(x)),
        mean_x=inputs.mean(axis=0, dtype=np.float64),
        mean_y=outputs.mean(axis=0, dtype=np.float64),
        q=q,
        kernel=kernel.reshape(len(kernel), -1),
        pull=pull,
    )


def true_error(fit, inputs, outputs):
    composed = np.einsum("nqk,kp->nqp", fit.factors.composed, fit.factors.first).reshape(FILTERS, -1)
    residual = outputs - inputs @ composed.T - fit.bias
    return np.square(residual).sum() / np.square(outputs - outputs.mean(axis=0)).sum()


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_the_error_that_is_told_is_the_error_on_the_samples(data, rank):
    inputs, kernel, outputs = data
    moments = moments_of(inputs, kernel, outputs)
    fitted = alternate(fit_second(start(moments, rank), moments), moments, 3)
    assert true_error(fitted, inputs, outputs) == pytest.approx(fitted.error, rel=1e-2, abs=1e-5)


def test_the_second_factor_is_that_of_least_squares(data):
    inputs, kernel, outputs = data
    moments = moments_of(inputs, kernel, outputs)
    first = start(moments, 4)
    features = np.einsum("sqp,kp->sqk", inputs.reshape(COUNT, Q, P), first).reshape(COUNT, -1)
    design = np.concatenate([features, np.ones((COUNT, 1))], axis=1)
    wanted, *_ = np.linalg.lstsq(design, outputs, rcond=None)
    fitted = fit_second(first, moments)
    np.testing.assert_allclose(fitted.factors.last, wanted[:-1].T, atol=1e-2)
    np.testing.assert_allclose(fitted.bias, wanted[-1], atol=1e-2)


def test_alternating_improves(data):
    inputs, kernel, outputs = data
    moments = moments_of(inputs, kernel, outputs)
    begun = fit_second(start(moments, 4), moments)
    improved = alternate(begun, moments, 4)
    assert improved.error < begun.error


@pytest.mark.parametrize("rank", [2, 4])
def test_conjugate_gradients_end_early_and_as_near(data, monkeypatch, rank):
    moments = moments_of(*data, pull=0.01)
    begin = fit_second(start(moments, rank), moments)
    solved = []
    for least, steps in ((3e-4, 6), (0.0, 10)):
        monkeypatch.setattr("planish.passes.lowrank.regression._LEAST_STEP", least)
        products = []
        monkeypatch.setattr(
            "planish.passes.lowrank.regression._solve_both_sides",
            lambda *factors, products=products: products.append(1) or _solve_both_sides(*factors),
        )
        solved.append(alternate(begin, moments, 1).objective)
        assert len(products) <= steps + 1
    assert solved[1] < begin.objective
    assert solved[0] == pytest.approx(solved[1], rel=1e-2)


def test_with_one_q_no_pair_is_better_than_the_start(rng):
    inputs = rng.standard_normal((COUNT, 12)).astype(np.float32) * np.linspace(0.1, 3, 12, dtype=np.float32)
    kernel = rng.standard_normal((FILTERS, 1, 12)).astype(np.float32)
    outputs = inputs @ kernel[:, 0].T
    moments = moments_of(inputs, kernel, outputs, q=1)
    centred = outputs - outputs.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    for rank in (1, 4, 7):
        best = values[rank:].sum() / values.sum()
        assert fit_second(start(moments, rank), moments).error == pytest.approx(best, rel=1e-2, abs=1e-5)


def test_the_curve_of_errors_is_that_of_the_ranks_solved_one_by_one(data):
    inputs, kernel, outputs = data
    moments = moments_of(inputs, kernel, outputs)
    first = start(moments, 7)
    ranks = [1, 2, 3, 5, 7]
    expected = [fit_second(np.ascontiguousarray(first[:rank]), moments).error for rank in ranks]
    np.testing.assert_allclose(
        errors_of_cuts(first, moments, [(rank, None) for rank in ranks]), expected, rtol=1e-3, atol=1e-7
    )


def test_full_rank_loses_nothing(data):
    inputs, kernel, outputs = data
    moments = moments_of(inputs, kernel, outputs)
    assert fit_second(start(moments, P), moments).error < 1e-4


def test_a_pull_to_the_kernel_serves_data_that_was_not_seen(rng):
    mixing = np.linspace(0.3, 1.5, Q * P)[:, None] * np.linalg.qr(rng.standard_normal((Q * P, Q * P)))[0]
    kernel = rng.standard_normal((FILTERS * Q, 4)) @ rng.standard_normal((4, P))
    kernel = (kernel + 0.4 * rng.standard_normal(kernel.shape)).reshape(FILTERS, Q, P).astype(np.float32)
    seen, unseen = ((rng.standard_normal((n, Q * P)) @ mixing).astype(np.float32) for n in (30, 2000))
    moments = moments_of(seen, kernel, seen @ kernel.reshape(FILTERS, -1).T)
    pulled = replace(moments, pull=shrinkage(moments.gram, 30))
    fits = [alternate(fit_second(start(m, 4), m), m, 4) for m in (moments, pulled)]
    plain, shrunk = (true_error(fit, unseen, unseen @ kernel.reshape(FILTERS, -1).T) for fit in fits)
    assert shrunk < 0.9 * plain
