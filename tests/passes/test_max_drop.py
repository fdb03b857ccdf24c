"""The search for the largest ratio that keeps a bound, on a pass whose loss is known."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from planish.errors import BudgetError, PlanishError
from planish.files import as_parts
from planish.passes.base import Pass, Result
from planish.passes.budget import Goal
from planish.passes.calibration import Labelled
from planish.passes.graph import to_graph
from planish.passes.max_drop import MaxDrop, cheapest_within
from planish.passes.rewrite import rewrite

TEXT = "g (float[n,3,8,7] x) => (float[n,4,8,7] y) { y = Conv (x, w) }"


@dataclass
class Scale(Pass):
    """Loses a relative error of ratio - 1 percent, and reaches no ratio above a limit."""

    name: ClassVar[str] = "scale"
    exact: ClassVar[bool] = False
    ratio: float = 1.0
    limit: float = np.inf
    tried: list = None

    def with_goal(self, goal):
        return replace(self, ratio=goal.ratio)

    def run(self, graph):
        if self.tried is not None:
            self.tried.append(self.ratio)
        if self.ratio > self.limit:
            raise BudgetError("out of reach", self.limit)
        weights = graph.nodes[0].inputs[1]
        weights.values = weights.values * np.float32(1 - (self.ratio - 1) / 100)
        result = Result()
        result.changed("y", "scaled")
        return result


@pytest.fixture
def model(make_model):
    return make_model(TEXT, w=(4, 3, 1, 1))


@pytest.fixture
def held(rng):
    return [Labelled({"x": rng.standard_normal((4, 3, 8, 7)).astype(np.float32)}, None, 4)]


@pytest.mark.parametrize("points", [0.2, 0.9, 1.7, 4.0, 11.0])
def test_the_ratio_found_keeps_the_bound_and_a_larger_one_would_not(model, held, points):
    graph = to_graph(as_parts(model))
    before = graph.nodes[0].inputs[1].values.copy()
    trial = cheapest_within(graph, [Scale()], MaxDrop(points, held))
    assert trial.drop.points == pytest.approx(trial.ratio - 1, abs=1e-3)
    assert trial.drop.points <= points < 1.1 * trial.ratio - 1
    np.testing.assert_array_equal(graph.nodes[0].inputs[1].values, before)


def test_what_is_out_of_reach_ends_the_search(model, held):
    trial = cheapest_within(to_graph(as_parts(model)), [Scale(limit=2.5)], MaxDrop(50, held))
    assert 2.5 / 1.1 < trial.ratio <= 2.5


def test_a_bound_that_cannot_be_kept_is_refused(model, held):
    tried = []
    with pytest.raises(BudgetError, match=r"--max-drop 0.001 cannot be kept: ratio 1.0\d gives relative error"):
        cheapest_within(to_graph(as_parts(model)), [Scale(tried=tried)], MaxDrop(0.001, held))
    assert len(tried) <= 7
    with pytest.raises(BudgetError, match="nothing can be saved"):
        cheapest_within(to_graph(as_parts(model)), [Scale(limit=1.0)], MaxDrop(1, held))


def test_bounds_and_passes_that_mean_nothing_are_refused(model, held):
    with pytest.raises(PlanishError, match="fewer than 0"):
        MaxDrop(-1, held)
    with pytest.raises(PlanishError, match="fewer than 0"):
        MaxDrop(float("nan"), held)

    class Still(Scale):
        def with_goal(self, goal):
            return Pass.with_goal(self, goal)

    with pytest.raises(PlanishError, match="none of the passes has one"):
        cheapest_within(to_graph(as_parts(model)), [Still()], MaxDrop(1, held))


def test_rewrite_returns_the_network_that_was_judged(model, held, outputs_of):
    rewritten = rewrite(model, [Scale()], max_drop=MaxDrop(3.0, held))
    assert [name for name, _ in rewritten.results] == ["exact", "scale"]
    assert rewritten.trial.drop.points <= 3.0
    exact, other = (outputs["y"] for outputs in outputs_of(model, rewritten.parts.to_model()))
    error = 100 * np.linalg.norm(exact - other) / np.linalg.norm(exact)
    assert error == pytest.approx(rewritten.trial.ratio - 1, rel=1e-3)


def test_a_goal_takes_the_place_of_the_pass_own(model):
    from planish.passes.lowrank import Lowrank
    from planish.passes.prune import Prune

    for step in (Lowrank(), Prune()):
        assert step.with_goal(Goal("MACs", 3.0)).goal == Goal("MACs", 3.0)
        assert step.goal == Goal("MACs", 2.0)
