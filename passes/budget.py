"""Choose one option per layer under a budget: the one solver of the house.

A multiple-choice knapsack: minimize the sum of losses while the sum of costs stays within the budget. A dynamic
programme over a grid of costs, each rounded up, so that the budget holds; what the rounding left unused is then spent
on the upgrades that save most. (accnn's own programme keys its states by exact cost, whose number explodes on irregular
networks, and ends in a KeyError where the ratio cannot be met.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetError, PlanishError
from .options import Option

GRID = 20_000
"""Cells of the cost axis: with 200 layers, rounding leaves at most 1 % of the budget to the repair."""

Cost = Callable[[Option], float]

Solver = Callable[[Sequence[Sequence[Option]], float, Cost], list[Option]]
"""One option per layer whose costs add up to at most the budget; `choose` is the one that loses least."""

Unit = Literal["MACs", "parameters", "ms"]


def choose(options: Sequence[Sequence[Option]], budget: float, cost: Cost) -> list[Option]:
    """One option per layer, of least total loss among those whose costs add up to at most `budget`.

    Args:
        options: for each layer, at least one option.
        budget: in the unit of `cost`.
        cost: of an option, not negative.

    Raises:
        ValueError: even the cheapest options cost more; see `cheapest`.
    """
    floor = cheapest(options, cost)
    if floor > budget:
        raise ValueError(f"the cheapest options cost {floor}, over the budget of {budget}")
    candidates = [undominated(layer, cost) for layer in options]
    chosen = _solve(candidates, budget - floor, cost)
    return _spend_rest(candidates, chosen, budget, cost)


def cheapest(options: Sequence[Sequence[Option]], cost: Cost) -> float:
    """The sum over layers of the cheapest option's cost."""
    return sum(min(cost(option) for option in layer) for layer in options)


@dataclass(frozen=True, slots=True)
class Goal:
    """How much cheaper a model shall become.

    Attributes:
        unit: what is counted: multiply-accumulates, parameters, or milliseconds.
        ratio: cost before over cost after, at least 1.
    """

    unit: Unit
    ratio: float

    def __post_init__(self) -> None:
        """Refuse ratios that mean nothing.

        Raises:
            PlanishError: the ratio is not a number of at least 1.
        """
        if not np.isfinite(self.ratio) or self.ratio < 1:
            raise PlanishError(f"ratio {self.ratio:g}: a ratio divides the cost, so it must be 1 or more; 2 halves it")

    def cost(self, option: Option) -> float:
        """What an option costs in this unit."""
        return {"MACs": option.macs, "parameters": option.params, "ms": option.latency_ms}[self.unit]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a network may cost.

    Attributes:
        goal: the cost of the whole before over after.
        before: cost of the whole before.
        fixed: what does not depend on the choice.
    """

    goal: Goal
    before: float
    fixed: float = 0.0

    @property
    def allowed(self) -> float:
        """What may be spent on that which depends on the choice."""
        return self.before / self.goal.ratio - self.fixed

    def reachable(self, cheapest: float) -> float:
        """The largest ratio, cut to two digits, if that much has to be spent at least."""
        floor = self.fixed + cheapest
        return math.floor(100 * self.before / floor) / 100 if floor > 0 else 1.0


def choose_for_goal(
    options: Sequence[Sequence[Option]],
    allowance: Allowance,
    solver: Solver | None = None,
) -> list[Option]:
    """`choose` under the budget that divides the cost before by the goal's ratio.

    Args:
        options: for each layer that has a choice; the first is to leave it alone.
        allowance: what all may cost.
        solver: which chooses; by default `choose`.

    Raises:
        BudgetError: the goal is out of reach; it says what can be reached.
    """
    goal = allowance.goal
    floor = cheapest(options, goal.cost)
    if floor > allowance.allowed:
        reachable = allowance.reachable(floor)
        raise BudgetError(
            f"ratio {goal.ratio:g} is out of reach: with the forms at hand the {goal.unit} can be divided by at most "
            f"{reachable:.2f}; ask for less, or widen --scope",
            reachable,
        )
    return (solver or choose)(options, allowance.allowed, goal.cost)


def undominated(options: Sequence[Option], cost: Cost) -> list[Option]:
    """The options that no other beats in both cost and loss, cheapest first."""
    kept: list[Option] = []
    for option in sorted(options, key=lambda option: (cost(option), option.loss)):
        if not kept or option.loss < kept[-1].loss:
            kept.append(option)
    return kept


def _solve(candidates: Sequence[Sequence[Option]], slack: float, cost: Cost) -> list[int]:
    """Index of the option chosen for each layer; costs count above each layer's cheapest."""
    unit = max(slack, 1e-9) / GRID
    best: NDArray[np.float64] = np.zeros(GRID + 1)
    picks: list[NDArray[np.int32]] = []
    cells = [[int(np.ceil((cost(o) - cost(layer[0])) / unit - 1e-9)) for o in layer] for layer in candidates]
    for layer, layer_cells in zip(candidates, cells, strict=True):
        best, pick = _add_layer(best, [option.loss for option in layer], layer_cells)
        picks.append(pick)
    chosen = []
    cell = int(np.argmin(best))
    for pick, layer_cells in zip(reversed(picks), reversed(cells), strict=True):
        index = int(pick[cell])
        chosen.append(index)
        cell -= layer_cells[index]
    return chosen[::-1]


def _add_layer(
    best: NDArray[np.float64], losses: Sequence[float], cells: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The least loss for each cell once this layer is in, and the option that gives it."""
    extended = np.full_like(best, np.inf)
    pick = np.zeros(len(best), dtype=np.int32)
    for index, (loss, cell) in enumerate(zip(losses, cells, strict=True)):
        if cell >= len(best):
            continue
        reached = np.full_like(best, np.inf)
        reached[cell:] = best[: len(best) - cell] + loss
        better = reached < extended
        extended[better] = reached[better]
        pick[better] = index
    return extended, pick


def _spend_rest(candidates: Sequence[Sequence[Option]], chosen: list[int], budget: float, cost: Cost) -> list[Option]:
    """Upgrade layers, the greatest saving in loss first, while the true costs leave room."""
    rest = budget - sum(cost(layer[index]) for layer, index in zip(candidates, chosen, strict=True))
    while True:
        best_saving, best_move = 0.0, None
        for position, (layer, index) in enumerate(zip(candidates, chosen, strict=True)):
            for other in range(index + 1, len(layer)):
                saving = layer[index].loss - layer[other].loss
                if cost(layer[other]) - cost(layer[index]) <= rest and saving > best_saving:
                    best_saving, best_move = saving, (position, other)
        if best_move is None:
            return [layer[index] for layer, index in zip(candidates, chosen, strict=True)]
        position, other = best_move
        rest -= cost(candidates[position][other]) - cost(candidates[position][chosen[position]])
        chosen[position] = other
