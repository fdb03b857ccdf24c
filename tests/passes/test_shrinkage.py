"""How far second moments of few samples are trusted."""

from types import SimpleNamespace

import numpy as np
import pytest
from planish.passes.shrinkage import effective_count, rounding, shrinkage


def test_shrinkage_fades_with_the_number_of_samples(rng):
    rows = (rng.standard_normal((4000, 12)) * np.linspace(0.2, 3, 12)).astype(np.float32)
    gram = rows.T @ rows / len(rows)
    few, many = (shrinkage(gram, count) / np.trace(gram) * 12 for count in (10, 4000))
    assert few > 0.1
    assert 0 < many < 0.01
    assert shrinkage(rows[:9] @ rows[:9].T / 9, 9, size=12) == pytest.approx(shrinkage(rows[:9].T @ rows[:9] / 9, 9))
    assert shrinkage(np.eye(5, dtype=np.float32), 10) > 1
    assert shrinkage(np.zeros((5, 5), np.float32), 10) == 0


def test_patches_of_one_image_tell_less_than_those_of_many():
    assert effective_count(SimpleNamespace(output_size=(1, 1)), 300) == 300
    assert effective_count(SimpleNamespace(output_size=(1, 3)), 300) == 100
    assert effective_count(SimpleNamespace(output_size=(14, 14)), 300) == effective_count(
        SimpleNamespace(output_size=(56, 56)), 300
    )


def test_rounding_makes_the_moments_of_samples_that_are_all_alike_regular(rng):
    rows = np.repeat(rng.standard_normal((1, 144)).astype(np.float32), 1200, axis=0)
    gram, mean = rows.T @ rows / 1200, rows[0]
    centred = gram - np.outer(mean, mean)
    assert np.linalg.eigvalsh(centred)[0] < 0
    assert np.linalg.eigvalsh(centred + rounding(gram) * np.eye(144))[0] > 0
    assert rounding(np.zeros((2, 2), np.float32)) > 0
