"""Least squares pulled to a prior: as strongly as serves samples that were not seen."""

import numpy as np
import pytest
from planish.passes.pulled_fit import fit_pulled
from planish.passes.shrinkage import shrinkage

D, N, IMAGES, EACH = 12, 3, 16, 5


def data(rng, images=IMAGES, noise=0.0, dimensions=D):
    mixing = rng.standard_normal((dimensions, D))
    weight, constant = rng.standard_normal((D, N)), rng.standard_normal(N)
    inputs = rng.standard_normal((images * EACH, dimensions)) @ mixing + 2
    wanted = inputs @ weight + constant + noise * rng.standard_normal((len(inputs), N))
    return inputs.astype(np.float32), wanted.astype(np.float32), weight.astype(np.float32), constant


def error(solution, inputs, wanted):
    return float(np.square(inputs @ solution[:-1] + solution[-1] - wanted).sum() / np.square(wanted).sum())


@pytest.mark.parametrize("dimensions", [D, D // 2])
def test_what_a_linear_map_explains_is_met_whatever_the_prior_says(rng, dimensions):
    inputs, wanted, _, _ = data(rng, dimensions=dimensions)
    prior = rng.standard_normal((D, N)).astype(np.float32)
    solution = fit_pulled([inputs], [wanted], [prior], count=IMAGES, images=IMAGES)[0].coefficients
    assert error(solution, inputs, wanted) < 1e-4


def test_noise_is_not_learnt_where_the_prior_knows_better(rng):
    inputs, wanted, weight, constant = data(rng, images=4, noise=8.0)
    unseen = (rng.standard_normal((2000, D)) + 2).astype(np.float32)
    truth = unseen @ weight + constant
    pulled = fit_pulled([inputs], [wanted], [weight], count=4, images=4)[0].coefficients
    free = np.linalg.lstsq(np.c_[inputs, np.ones(len(inputs))], wanted, rcond=None)[0]
    assert error(pulled, unseen, truth) < 0.5 * error(free, unseen, truth)


def test_without_intercept_there_is_none(rng):
    inputs, wanted, weight, constant = data(rng)
    centred = wanted - constant.astype(np.float32)
    solution = fit_pulled([inputs], [centred], [weight], count=8, images=IMAGES, intercept=False)[0].coefficients
    np.testing.assert_array_equal(solution[-1], np.zeros(N))
    np.testing.assert_allclose(solution[:-1], weight, atol=1e-3)


def test_rows_and_columns_give_the_same(rng):
    inputs, wanted, weight, _ = data(rng, images=2)
    prior = weight + rng.standard_normal((D, N)).astype(np.float32)
    solution = fit_pulled([inputs], [wanted], [prior], count=2, images=2)[0].coefficients
    centred, missing = inputs - inputs.mean(axis=0), wanted - inputs @ prior
    gram = centred.T @ centred
    pull = np.eye(D) * len(inputs) * shrinkage(gram / len(inputs), 2)
    expected = prior + np.linalg.solve(gram + pull, centred.T @ (missing - missing.mean(axis=0)))
    np.testing.assert_allclose(solution[:-1], expected, atol=2e-3)


def test_too_few_images_to_leave_one_out_are_fitted_all_the_same(rng):
    inputs, wanted, weight, _ = data(rng, images=3)
    assert np.isfinite(fit_pulled([inputs], [wanted], [weight], count=3, images=3)[0].coefficients).all()


def test_groups_are_pulled_alike(rng):
    """One group has nothing but noise to learn, the others enough to tell that the prior is right."""
    inputs, wanted, weight, _ = zip(*(data(rng, images=8, noise=6.0) for _ in range(5)), strict=True)
    together = fit_pulled(inputs, wanted, weight, count=8, images=8)
    alone = [fit_pulled([x], [y], [w], count=8, images=8)[0] for x, y, w in zip(inputs, wanted, weight, strict=True)]

    def distance(solutions):
        kernels = [it.coefficients[:-1] for it in solutions]
        return sum(float(np.square(kernel - w).sum()) for kernel, w in zip(kernels, weight, strict=True))

    assert distance(together) <= distance(alone)


@pytest.mark.parametrize("dimensions", [D, 5 * D])
def test_inputs_that_are_all_zero_leave_the_prior_and_meet_the_mean(rng, dimensions):
    inputs, wanted = np.zeros((4 * EACH, dimensions), np.float32), rng.standard_normal((4 * EACH, N)).astype(np.float32)
    prior = rng.standard_normal((dimensions, N)).astype(np.float32)
    solution = fit_pulled([inputs], [wanted], [prior], count=4, images=4)[0].coefficients
    np.testing.assert_allclose(solution[:-1], prior, rtol=1e-5)
    np.testing.assert_allclose(solution[-1], wanted.mean(axis=0), atol=1e-5)


def test_moments_are_those_of_the_inputs(rng):
    inputs, wanted, weight, _ = data(rng)
    mean, gram = fit_pulled([inputs], [wanted], [weight], count=8, images=IMAGES)[0].moments
    np.testing.assert_allclose(mean, inputs.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(gram, np.cov(inputs.T, ddof=0) * len(inputs), rtol=1e-3, atol=1e-2)
