"""Timing: the median's interval, and sessions that leave each other alone."""

import time

import numpy as np
import pytest
from planish.runtime_check.latency import Ratio, measure, median_interval
from planish.runtime_check.session import Session
from scipy.stats import binom


@pytest.mark.parametrize("n", [11, 40, 101])
def test_interval_of_the_median_covers_what_it_says(n):
    values = np.arange(n, dtype=float)
    given = median_interval(values)
    below = int(given.low)  # so many values lie below the interval
    assert given.median == np.median(values)
    assert given.high == n - 1 - below
    assert 1 - 2 * binom.cdf(below, n, 0.5) >= 0.99
    assert 1 - 2 * binom.cdf(below + 1, n, 0.5) < 0.99


def test_interval_of_few_values_is_all_of_them():
    assert median_interval(np.array([3.0, 1.0, 2.0])) == Ratio(2.0, 1.0, 3.0)


def test_a_model_with_ten_times_the_work_is_slower(classifier):
    sessions = [Session(classifier(size=size), optimizations="all") for size in ((6, 10), (6, 10))]
    big = Session(classifier(size=("h", "w")), optimizations="all")
    feeds = {"data": np.ones((1, 3, 6, 10), np.float32)}
    same = measure(sessions, feeds, threads=1, rounds=7)
    assert same.rounds == 7
    assert same.batch == 1
    assert 0.5 < same.cpu_ratio.median < 2
    wide = {"data": np.ones((1, 3, 600, 100), np.float32)}
    assert measure([big], wide, threads=1, rounds=3).timings[0].cpu_ms > 5 * same.timings[0].cpu_ms
    assert measure([big], wide, threads=1, rounds=3).speedup is None


def test_speedup_is_first_over_second(classifier):
    small, large = (Session(classifier(size=("h", "w")), optimizations="all") for _ in range(2))

    class Often:
        """Runs a session eight times for one run."""

        def run(self, feeds):
            for _ in range(7):
                large.run(feeds)
            return large.run(feeds)

    given = measure([Often(), small], {"data": np.ones((1, 3, 90, 200), np.float32)}, threads=1, rounds=15)
    assert given.speedup is given.cpu_ratio
    assert given.cpu_ratio.low <= given.cpu_ratio.median <= given.cpu_ratio.high
    assert given.cpu_ratio.median > 2  # whatever else the machine does meanwhile


def test_idle_sessions_do_not_spin(classifier):
    session = Session(classifier(size=("h", "w")), optimizations="all", threads=4)
    feeds = {"data": np.ones((4, 3, 200, 200), np.float32)}
    for _ in range(3):
        session.run(feeds)
    before = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - before < 0.05


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Ratio(1.5, 1.4, 1.6), "1.40 to 1.60 times as fast"),
        (Ratio(0.5, 0.4, 0.8), "slower: 1.25 to 2.50 times the time"),
        (Ratio(1.2, 0.9, 1.6), "no measurable difference"),
        (Ratio(1.02, 1.01, 1.025), "no measurable difference"),
        (Ratio(0.98, 0.972, 0.99), "no measurable difference"),
    ],
)
def test_no_winner_where_the_interval_holds_equality(ratio, verdict):
    assert ratio.verdict == verdict


def busy_rounds(rng, slower):
    """Ratios of the CPU times of two models in 60 rounds on a busy machine: noise of every round, and sudden bursts."""
    times = rng.normal(1, 0.02, (2, 60)) * rng.choice([1, 1.15, 1.6], (2, 60), p=[0.85, 0.1, 0.05])
    return times[0] / (times[1] * slower)


def test_equal_times_are_never_called_different(rng):
    """A thousand comparisons; the two openings of one model may differ by 2 % for good."""
    wrong = sum(
        median_interval(busy_rounds(rng, rng.uniform(0.98, 1.02))).verdict != "no measurable difference"
        for _ in range(1000)
    )
    assert wrong == 0


def test_a_tenth_more_time_is_found_in_nine_of_ten(rng):
    found = sum(median_interval(busy_rounds(rng, 1.1)).verdict.startswith("slower") for _ in range(300))
    assert found >= 270


def test_a_third_of_the_rounds_disturbed_does_not_make_a_winner(rng):
    ratios = np.concatenate([rng.normal(1, 0.01, 40), rng.normal(1.8, 0.3, 20)])
    assert median_interval(ratios).verdict == "no measurable difference"
