"""Goals of time, in runtimes that are timed and in those that are not."""

from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from planish.errors import BudgetError, MissingExtraError
from planish.files import as_parts
from planish.passes import speed
from planish.passes.budget import Goal
from planish.passes.graph import to_graph, to_parts
from planish.passes.speed import Race, choose_for_speed
from planish.passes.targets import find_target

CHEAPEST = 0.1
"""The share of the milliseconds that must be left."""


@dataclass(frozen=True)
class Row:
    """What a runtime gives."""

    cpu_ms: float | None


class Solver:
    """Chooses the share of the network's milliseconds that is left."""

    def __init__(self, rng):
        body = "{ y = Conv <pads=[1,1,1,1]> (x, w) }"
        text = f'<ir_version: 8, opset_import: ["" : 17]> g (float[1,8,9,11] x) => (float[1,8,9,11] y) {body}'
        model = onnx.parser.parse_model(text)
        weight = rng.standard_normal((8, 8, 3, 3)).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
        graph = to_graph(as_parts(model))
        self.race = Race(graph, to_parts(graph), find_target("ncnn"), {}, self.choose, lambda _: graph)
        self.now = self.race.predicted(graph)
        self.chosen = []

    def choose(self, allowance):
        share = allowance.allowed / self.now
        if share < CHEAPEST:
            raise BudgetError("the cheapest is too dear", 1 / CHEAPEST)
        self.chosen.append(share)
        return share

    def run(self, ratio):
        return choose_for_speed(self.race, self.now, Goal("ms", ratio))


@pytest.fixture
def solver(rng):
    return Solver(rng)


def timed(monkeypatch, *milliseconds):
    """The runtime takes so long for the original, the network before, and what is chosen, in turn."""
    rows = iter(milliseconds)
    monkeypatch.setattr(speed, "try_runtimes", lambda *_: (Row(next(rows)),))
    return rows


def test_what_takes_longer_than_predicted_is_cut_more(monkeypatch, solver):
    left = timed(monkeypatch, 10.0, 10.0, 8.0, 4.95, 99.0)
    assert solver.run(2.0) == solver.chosen[1]
    assert solver.chosen == pytest.approx([0.5, 0.5 * 1.25 / (2.0 * 1.01)])
    assert list(left) == [99.0]


def test_what_is_much_too_fast_is_cut_less(monkeypatch, solver):
    timed(monkeypatch, 10.0, 10.0, 4.0, 4.95)
    assert solver.run(2.0) == solver.chosen[1] > solver.chosen[0]


def test_what_exact_rewrites_gained_need_not_be_cut(monkeypatch, solver):
    timed(monkeypatch, 10.0, 8.0, 4.95)
    assert solver.run(2.0) == pytest.approx(10.0 / 8.0 / 2.0)


def test_where_it_cannot_be_timed_the_prediction_stands(monkeypatch, solver):
    def missing(*_):
        raise MissingExtraError("there is no ncnn")

    for answer in (missing, lambda *_: (Row(None),)):
        monkeypatch.setattr(speed, "try_runtimes", answer)
        assert solver.run(2.0) == pytest.approx(0.5)
    assert len(solver.chosen) == 2


def test_out_of_reach_is_told_unless_something_was_reached(monkeypatch, solver):
    timed(monkeypatch, 10.0, 10.0, 9.9)
    with pytest.raises(BudgetError):
        solver.run(4.0)
    timed(monkeypatch, 10.0, 10.0, 0.5, 9.9, 9.9)
    assert solver.run(4.0) == 0.25
