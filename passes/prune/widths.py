"""Widths by a share of all channels, the same everywhere or by hand."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from ...errors import BudgetError
from ..budget import Allowance
from .decision import Offer
from .price import PriceList

_SHARES = 64


def widest(offers: Sequence[Offer]) -> list[int]:
    """The indices that leave every group alone."""
    return [len(offer.losses) - 1 for offer in offers]


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
    raise out_of_reach(allowance, prices.total(tried))


def _fitting(offer: Offer, share: float) -> int:
    """Index of the widest width that is at most this share of all, or of the narrowest."""
    return max(0, bisect.bisect_right(offer.widths, share * offer.widths[-1] + 1e-9) - 1)


def out_of_reach(allowance: Allowance, least: float) -> BudgetError:
    """The error to raise where a network costs so much at least.

    Args:
        allowance: what was asked for.
        least: the cost with all channels gone that may go.
    """
    reachable = allowance.reachable(least)
    return BudgetError(
        f"ratio {allowance.goal.ratio:g} is out of reach: with the channels that may go the {allowance.goal.unit} can "
        f"be divided by at most {reachable:.2f}; ask for less, keep fewer layers, or give --prune-ends",
        reachable,
    )
