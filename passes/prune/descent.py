"""Choose the width of every group under a budget: from the whole network down, a step at a time.

Neither costs nor losses add up: a layer costs the product of two widths, and one that reads several groups suffers more
than from each alone. So the solver of `budget`, which wants sums, is no use here. Each step is the one by which the
network loses least for what it saves, given all steps before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..budget import Allowance
from .decided import Offers
from .decision import Offer
from .price import PriceList, Widths
from .shared import Classes, SharedReaders
from .widths import out_of_reach, widest

_AHEAD = (1, 2, 3, 4, 6, 8)
"""So many widths a step may pass over: some save nothing, and pay only with the next."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One decision taken further.

    Attributes:
        index: of the decision.
        width: index of what it takes then.
        before: of what it took.
        loss: what the network suffers more.
    """

    index: int
    width: int
    before: int
    loss: float


class Descent:
    """Goes down as far as it is asked to, and remembers the way.

    Args:
        decisions: of the groups, and then of layers that may take other forms.
        offers: those of the groups, with their selections.
        prices: of the network at any choice.
        shared: the layers that read several groups; None where all losses add up.
    """

    def __init__(
        self, decisions: Sequence[Offer], offers: Offers, prices: PriceList, shared: SharedReaders | None
    ) -> None:
        self._selections = [selections for _, selections in offers]
        self._decisions = decisions
        self._prices, self._shared = prices, shared
        self._widths = widest(self._decisions)
        self._way: list[_Step] = []
        self._totals = [prices.total(self._widths)]
        self._known: dict[tuple[int, int], float] = {}

    def choose(self, allowance: Allowance) -> list[int]:
        """For each decision the index of what it takes.

        Raises:
            BudgetError: the goal is out of reach; it says what can be reached.
        """
        allowed = allowance.allowed + 1e-9 * allowance.before
        count = 0
        while self._totals[count] > allowed:
            count += 1
            if count == len(self._totals) and not self._go_on():
                raise out_of_reach(allowance, self._totals[-1])
        return self._taken_back(self._way[:count], allowed)

    def _taken_back(self, way: Sequence[_Step], allowed: float) -> list[int]:
        """Where a way leads, without what the budget has room for: of the decisions' last steps, the dearest first."""
        widths = widest(self._decisions)
        taken: dict[int, list[_Step]] = {}
        for step in way:
            widths[step.index] = step.width
            taken.setdefault(step.index, []).append(step)
        while taken:
            for step in sorted((steps[-1] for steps in taken.values()), key=lambda step: -step.loss):
                widths[step.index] = self._highest(widths, step, allowed)
            whole = [index for index, steps in taken.items() if widths[index] == steps[-1].before]
            if not whole:
                break
            for index in whole:
                taken[index].pop()
                if not taken[index]:
                    del taken[index]
        return widths

    def _highest(self, widths: Widths, step: _Step, allowed: float) -> int:
        """The largest width index of a step's decision, from before the step to what it takes, within the budget."""
        for place in range(step.before, widths[step.index], -1):
            tried = [place if index == step.index else width for index, width in enumerate(widths)]
            if self._prices.total(tried) <= allowed:
                return place
        return widths[step.index]

    def _go_on(self) -> bool:
        """Take the next step, if there is one."""
        rated = [(rate, step) for index in range(len(self._widths)) for rate, step in self._steps(index)]
        if not rated:
            return False
        _, step = min(rated, key=lambda it: it[0])
        if self._shared is not None and step.index < len(self._selections):
            self._shared.drop(step.index, self._gone(step.index, step.width))
            changed = self._shared.neighbours(step.index)
            self._known = {key: loss for key, loss in self._known.items() if key[0] not in changed}
        self._widths[step.index] = step.width
        self._way.append(step)
        self._totals.append(self._prices.total(self._widths))
        return True

    def _steps(self, index: int) -> list[tuple[float, _Step]]:
        """What one decision may take next, each with the loss for what it saves."""
        current, found = self._widths[index], []
        cost = self._prices.of(index, self._widths)
        for ahead in _AHEAD:
            width = current - ahead
            if width < 0:
                break
            tried = [width if other == index else it for other, it in enumerate(self._widths)]
            saved = cost - self._prices.of(index, tried)
            if saved > 0:
                loss = self._loss(index, width)
                found.append((loss / saved, _Step(index, width, current, loss)))
        return found

    def _loss(self, index: int, width: int) -> float:
        """What the network suffers more if a decision takes the width of that index."""
        alone, current = self._decisions[index].alone, self._widths[index]
        if self._shared is None or index >= len(self._selections):
            return alone[width] - alone[current]
        if (index, width) not in self._known:
            self._known[index, width] = self._shared.growth(index, self._gone(index, width))
        return alone[width] - alone[current] + self._known[index, width]

    def _gone(self, index: int, width: int) -> Classes:
        """Which classes of a group go with a step."""
        selections = self._selections[index]
        return np.flatnonzero(selections[self._widths[index]] & ~selections[width])
