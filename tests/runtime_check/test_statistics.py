"""Confidence intervals, against theory and against SciPy's bootstrap."""

import numpy as np
import pytest
from planish.runtime_check.statistics import Difference, bootstrap_interval, paired_difference
from scipy.stats import bootstrap


@pytest.mark.parametrize("kind", ["hits", "reals"])
def test_interval_equals_scipy(rng, kind):
    values = rng.choice([-1.0, 0.0, 1.0], 400, p=[0.1, 0.85, 0.05]) if kind == "hits" else rng.standard_normal(400)
    low, high = bootstrap_interval(values)
    wanted = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=rng).confidence_interval
    scale = values.std() / 20
    assert low == pytest.approx(wanted.low, abs=0.15 * scale)
    assert high == pytest.approx(wanted.high, abs=0.15 * scale)


def test_interval_covers_the_truth_as_often_as_it_says(rng):
    covered = 0
    for index in range(200):
        low, high = bootstrap_interval(rng.choice([-1.0, 0.0, 1.0], 300, p=[0.12, 0.8, 0.08]), seed=index)
        covered += low <= -0.04 <= high
    assert covered >= 180  # 190 expected of 200, standard deviation 3


def test_pairing_sees_what_two_separate_figures_do_not(rng):
    first = (rng.random(1000) < 0.7).astype(float)
    second = first.copy()
    second[np.flatnonzero(first)[:15]] = 0
    found = paired_difference("top-1", "points", 100 * first, 100 * second)
    assert found.value == pytest.approx(-1.5)
    assert found.high < 0


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-1.9, -0.8, "loses 0.8 to 1.9 points"),
        (0.2, 0.4, "gains 0.2 to 0.4 points"),
        (-0.5, 0.3, "no measurable loss (-0.5 to +0.3 points)"),
        (0.0, 0.0, "no measurable loss: not one of 50 samples differs"),
        (-0.5, 0.0, "no measurable loss (-0.5 to +0 points)"),
    ],
)
def test_verdicts(low, high, verdict):
    assert Difference("top-1 accuracy", "points", (low + high) / 2, low, high, 50).verdict == verdict
