"""The rule of Niu et al.: curves of change, and the least sensitive layer first."""

import numpy as np
import pytest
from planish.passes.lowrank.niu import allocate, change_at
from planish.passes.options import KEEP, Option


def option(layer, rank, macs, loss):
    return Option(layer, "spatial" if rank else KEEP, (rank,), macs, 0, 0.0, 0.0, loss)


def macs(option):
    return option.macs


LAYERS = [
    [option("tough", 0, 100, 0.0), option("tough", 8, 60, 0.1), option("tough", 4, 30, 0.9)],
    [option("tender", 0, 100, 0.0), option("tender", 8, 60, 4.0), option("tender", 4, 30, 9.0)],
    [option("small", 0, 10, 0.0), option("small", 2, 6, 0.08)],
]


def ranks_at(budget):
    return {o.layer: o.rank for o in allocate(LAYERS, budget, macs)}


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (210, {"tough": 0, "tender": 0, "small": 0}),
        (209, {"tough": 8, "tender": 0, "small": 0}),  # 0.1 / 40 is less than 0.08 / 4 and than 4 / 40
        (169, {"tough": 8, "tender": 0, "small": 2}),  # then 0.08 / 4 before 0.8 / 30
        (165, {"tough": 4, "tender": 0, "small": 2}),
        (135, {"tough": 4, "tender": 8, "small": 2}),
        (66, {"tough": 4, "tender": 4, "small": 2}),
    ],
)
def test_the_least_sensitive_layer_gives_way(budget, expected):
    assert ranks_at(budget) == expected


def test_a_budget_out_of_reach_is_said():
    with pytest.raises(ValueError, match="the cheapest options cost 66"):
        allocate(LAYERS, 65, macs)


def test_the_change_meets_what_was_measured_and_never_falls():
    points = [(0.2, 3.0), (0.1, 1.0), (0.3, 2.0)]
    np.testing.assert_allclose(change_at(np.array([0, 0.05, 0.1, 0.15, 0.2, 0.3]), points), [0, 0.5, 1, 2, 3, 3])
    np.testing.assert_allclose(change_at(np.array([0.6]), points), [6.0])
    falling = np.diff(change_at(np.linspace(0, 1, 50), points))
    assert (falling >= 0).all()
