"""`--max-drop`: the cheapest network that loses no more than so many points, found by trying.

Images that nothing is fitted to judge every trial. The ratio of multiply-accumulates is doubled until a trial loses too
much, then bisected. What is measured once (statistics, options) comes from the cache, so that a trial costs choosing,
fitting and judging.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ..errors import BudgetError, PlanishError
from .base import Pass, Result
from .budget import Goal
from .calibration import Labelled
from .drop import Drop, Judge

_FIRST = 2.0
_TRIALS = 7
_CLOSE = 1.05
"""Ratios that differ by less than this factor are not told apart."""


@dataclass(frozen=True, slots=True)
class MaxDrop:
    """What may be lost.

    Attributes:
        points: of accuracy, of agreement or of relative error, in percent (see `drop.Judge`).
        held: the images to judge on, which the passes were not given.
    """

    points: float
    held: Iterable[Labelled]

    def __post_init__(self) -> None:
        """Refuse bounds that mean nothing.

        Raises:
            PlanishError: the bound is negative or not a number.
        """
        if not self.points >= 0:
            raise PlanishError(f"--max-drop {self.points:g}: points that may be lost cannot be fewer than 0")


@dataclass(frozen=True, slots=True)
class Trial:
    """One rewrite and what it lost.

    Attributes:
        ratio: the goal in multiply-accumulates.
        drop: what was lost.
        graph: the rewritten network.
        results: what each pass did.
    """

    ratio: float
    drop: Drop
    graph: gs.Graph
    results: Sequence[tuple[str, Result]]


def cheapest_within(graph: gs.Graph, passes: Sequence[Pass], bound: MaxDrop) -> Trial:
    """The trial of the largest ratio that keeps the bound; `graph` itself is not changed.

    Raises:
        PlanishError: none of the passes has a goal.
        BudgetError: nothing can be saved within the bound.
    """
    if all(step.with_goal(Goal("MACs", 1.0)) is None for step in passes):
        raise PlanishError("--max-drop looks for a ratio, and none of the passes has one; lowrank and prune do")
    judge = Judge(graph, bound.held)
    best: Trial | None = None
    least: Trial | None = None
    low, high, asked = 1.0, math.inf, _FIRST
    for _ in range(_TRIALS):
        try:
            trial = _attempt(graph, passes, asked, judge)
        except BudgetError as error:
            high = min(high, error.reachable)
        else:
            if trial.drop.points <= bound.points:
                best, low = trial, asked
            else:
                least, high = trial, asked
        if high <= low * _CLOSE:
            break
        asked = math.sqrt(low * high) if math.isfinite(high) else 2 * low
    if best is None:
        found = "nothing can be saved at all" if least is None else f"ratio {least.ratio:.2f} gives {least.drop}"
        raise BudgetError(f"--max-drop {bound.points:g} cannot be kept: {found}; allow more, or change --scope", 1.0)
    return best


def _attempt(graph: gs.Graph, passes: Sequence[Pass], ratio: float, judge: Judge) -> Trial:
    changed = graph.copy()
    steps = [step.with_goal(Goal("MACs", ratio)) or step for step in passes]
    results = [(step.name, step.run(changed)) for step in steps]
    return Trial(ratio, judge(changed), changed, results)
