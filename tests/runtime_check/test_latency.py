"""Timing: the median's interval, and sessions that leave each other alone."""

import time

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
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

    class Twice:
        """Runs a session twice for one run."""

        def run(self, feeds):
            large.run(feeds)
            return large.run(feeds)

    given = measure([Twice(), small], {"data": np.ones((1, 3, 90, 200), np.float32)}, threads=1, rounds=15)
    assert given.speedup is given.cpu_ratio
    assert given.cpu_ratio.low <= given.cpu_ratio.median <= given.cpu_ratio.high
    assert 1.6 < given.cpu_ratio.median < 2.5


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


@pytest.mark.slow
def test_equal_models_are_never_called_different_and_ten_percent_are_found(rng):
    """Fifty comparisons of a model with itself, and ten with one that has a tenth more to do."""

    def chain(convolutions):
        weights = [0.05 * rng.standard_normal((64, 64, 3, 3)).astype(np.float32) for _ in range(convolutions)]
        nodes = [
            helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], pads=[1, 1, 1, 1]) for i in range(convolutions)
        ]
        graph = helper.make_graph(
            nodes,
            "chain",
            [helper.make_tensor_value_info("x0", TensorProto.FLOAT, [1, 64, 14, 15])],
            [helper.make_tensor_value_info(f"x{convolutions}", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(weight, f"w{i}") for i, weight in enumerate(weights)],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def verdict(*models, seconds=5):
        sessions = [Session(model, optimizations="all") for model in models]
        feeds = {"x0": np.ones((1, 64, 14, 15), np.float32)}
        return measure(sessions, feeds, threads=1, seconds=seconds).speedup.verdict

    ten, eleven = chain(10), chain(11)
    assert [verdict(ten, ten, seconds=1) for _ in range(50)] == ["no measurable difference"] * 50
    assert sum(verdict(ten, eleven).startswith("slower") for _ in range(10)) >= 9
