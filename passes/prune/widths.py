"""Choose the width of every group under a budget.

The budget solver wants costs that add up, but a layer's cost is a product of two widths. So it is asked in rounds, each
with the costs as they change around the widths at hand, within a distance that shrinks when a round does not help.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from ...errors import BudgetError
from ..budget import Allowance, choose
from ..options import Option
from .decision import FORM, Offer
from .price import PriceList

_ROUNDS = 24
_SHARES = 64
_CORRECTIONS = 6


def widest(offers: Sequence[Offer]) -> list[int]:
    """The indices that leave every group alone."""
    return [len(offer.losses) - 1 for offer in offers]


def choose_widths(offers: Sequence[Offer], prices: PriceList, allowance: Allowance) -> list[int]:
    """For each group the index of the width that it takes.

    Raises:
        BudgetError: the goal is out of reach; it says what can be reached.
    """
    allowed = allowance.allowed
    current = uniform(offers, prices, allowance, [1.0] * len(offers))
    reach = max(widest(offers), default=0)
    for _ in range(_ROUNDS):
        tried = _solve(offers, prices, current, reach, allowed)
        if tried is not None and _loss(offers, tried) < _loss(offers, current) * (1 - 1e-6):
            current = tried
        elif reach <= 1:
            break
        else:
            reach //= 2
    return _spend_rest(offers, prices, current, allowed)


def uniform(offers: Sequence[Offer], prices: PriceList, allowance: Allowance, weights: Sequence[float]) -> list[int]:
    """The largest share of all groups that the budget allows, each times its weight.

    Raises:
        BudgetError: the goal is out of reach; it says what can be reached.
    """
    for step in range(_SHARES, 0, -1):
        shares = [min(step * weight / _SHARES, 1.0) for weight in weights]
        tried = [_fitting(offer, share) for offer, share in zip(offers, shares, strict=True)]
        if prices.total(tried) <= allowance.allowed + 1e-9 * allowance.before:
            return tried
    reachable = allowance.reachable(prices.total(tried))
    raise BudgetError(
        f"ratio {allowance.goal.ratio:g} is out of reach: with the channels that may go the {allowance.goal.unit} can "
        f"be divided by at most {reachable:.2f}; ask for less, keep fewer layers, or give --prune-ends",
        reachable,
    )


def _fitting(offer: Offer, share: float) -> int:
    """Index of the widest width that is at most this share of all, or of the narrowest."""
    return max(0, bisect.bisect_right(offer.widths, share * offer.widths[-1] + 1e-9) - 1)


def _solve(
    offers: Sequence[Offer], prices: PriceList, current: Sequence[int], reach: int, allowed: float
) -> list[int] | None:
    """The best widths at most `reach` steps away, None if none is found that keeps the budget."""
    costs: dict[tuple[str, int], float] = {}
    options = []
    for index, offer in enumerate(offers):
        places = range(max(0, current[index] - reach), min(len(offer.losses), current[index] + reach + 1))
        for place in places:
            moved = [place if other == index else width for other, width in enumerate(current)]
            costs[offer.name, place] = prices.of(index, moved)
        options.append([Option(offer.name, FORM, (p,), 0, 0, 0.0, 0.0, offer.losses[p]) for p in places])
    budget = sum(costs[o.name, place] for o, place in zip(offers, current, strict=True))
    budget += allowed - prices.total(current)
    for _ in range(_CORRECTIONS):
        try:
            chosen = choose(options, budget, lambda option: costs[option.layer, option.rank])
        except ValueError:
            return None
        tried = [option.rank for option in chosen]
        excess = prices.total(tried) - allowed
        if excess <= 1e-9 * allowed:
            return tried
        budget -= excess
    return None


def _loss(offers: Sequence[Offer], widths: Sequence[int]) -> float:
    return sum(offer.losses[width] for offer, width in zip(offers, widths, strict=True))


def _spend_rest(offers: Sequence[Offer], prices: PriceList, current: list[int], allowed: float) -> list[int]:
    """Widen groups by a step while the budget has room, the greatest saving in loss first."""
    while True:
        best_saving, best = 0.0, None
        for index, offer in enumerate(offers):
            if current[index] + 1 == len(offer.losses):
                continue
            tried = [width + (other == index) for other, width in enumerate(current)]
            saving = offer.losses[current[index]] - offer.losses[tried[index]]
            if saving > best_saving and prices.total(tried) <= allowed:
                best_saving, best = saving, tried
        if best is None:
            return current
        current = best
