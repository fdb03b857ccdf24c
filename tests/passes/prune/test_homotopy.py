"""The path of the LASSO against scikit-learn's, and where that gives up, against what a minimum has to fulfil."""

import numpy as np
import pytest
from planish.passes.prune.homotopy import lasso_path
from sklearn.linear_model import lars_path_gram


def gram_of(rng, size, samples):
    """Of correlated columns, many of which leave the path again."""
    mixing = rng.standard_normal((size, size)) * np.geomspace(1, 0.05, size) + 0.3
    columns = rng.standard_normal((samples, size)) @ mixing
    gram = columns.T @ columns
    return gram / np.trace(gram) + 1e-9 * np.eye(size)


@pytest.mark.parametrize(("size", "samples"), [(1, 5), (7, 100), (40, 600), (40, 60)])
def test_it_is_scikit_learns(rng, size, samples):
    gram = gram_of(rng, size, samples)
    path = np.array(list(lasso_path(gram)))
    _, _, expected = lars_path_gram(gram.sum(axis=1), gram, n_samples=1, max_iter=8 * size, method="lasso")
    np.testing.assert_allclose(path, expected.T[1:], atol=1e-6)
    np.testing.assert_allclose(path[-1], 1, atol=1e-6)


def test_every_point_is_a_minimum_though_columns_are_dead_or_alike(rng):
    gram = gram_of(rng, 30, 20)
    gram[5] = gram[:, 5] = 0
    gram[9] = gram[8]
    gram[:, 9] = gram[:, 8]
    gram[np.diag_indices(30)] += 1e-9
    path = list(lasso_path(gram))
    for coefficients in path:
        left = gram.sum(axis=1) - gram @ coefficients
        penalty = np.abs(left).max()
        active = coefficients != 0
        np.testing.assert_allclose(left[active], penalty * np.sign(coefficients[active]), atol=1e-9)
    assert np.abs(gram @ (path[-1] - 1)).max() < 1e-8


def test_those_that_leave_the_path_come_again(rng):
    path = list(lasso_path(gram_of(rng, 40, 60)))
    assert len(path) > 40
    assert np.count_nonzero(path[-1]) == 40
