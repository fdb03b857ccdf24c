"""What stands large at the top."""

from dataclasses import replace

import numpy as np
import pytest
from planish.runtime_check.check import check
from planish.runtime_check.latency import Latency, Ratio, Timing
from planish.runtime_check.report.headline import Card, cards
from planish.runtime_check.statistics import Difference


@pytest.fixture
def pair(classifier, tmp_path, rng):
    x = rng.standard_normal((30, 3, 6, 10)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=rng.integers(0, 7, 30))
    result = check(classifier(), classifier(), data=tmp_path / "d.npz", latency_seconds=0, layer_samples=0)
    latency = Latency((Timing(1, 1), Timing(1, 1)), Ratio(1, 1, 1), Ratio(1, 1, 1), 25, None, threads=1, batch=1)
    return replace(result, latencies=(latency,))


def by_label(result, part):
    (found,) = (card for card in cards(result) if part in card.label)
    return found


def test_two_models(pair):
    same = "points of top-1 accuracy: no measurable loss: not one of 30 samples differs"
    assert by_label(pair, "top-1") == Card("+0.00", same, "good")
    assert by_label(pair, "multiply") == Card("1.00×", "as many multiply-accumulates")
    worse = replace(pair, differences=(Difference("top-1 accuracy", "points", -3.0, -5.0, -1.0, 30),))
    assert by_label(worse, "top-1") == Card("-3.00", "points of top-1 accuracy: loses 1 to 5 points", "bad")


@pytest.mark.parametrize(
    ("ratio", "tone"),
    [(Ratio(2, 1.9, 2.1), "good"), (Ratio(0.5, 0.4, 0.6), "bad"), (Ratio(1.2, 0.9, 1.5), "")],
)
def test_no_colour_where_nobody_wins(pair, ratio, tone):
    changed = replace(pair, latencies=(replace(pair.latency, cpu_ratio=ratio),))
    assert by_label(changed, "1 thread, batch 1").tone == tone


def test_one_model(classifier):
    figures = [card.label for card in cards(check(classifier(), latency_seconds=0))]
    assert figures == ["multiply-accumulates per sample", "file"]
