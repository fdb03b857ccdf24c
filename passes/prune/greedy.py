"""`--criterion greedy`: drop, one after the other, the channel whose loss is felt least once the rest is fitted anew.

Backward elimination with the exact change of the least-squares error (see `elimination`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .criterion import Candidates, Criterion, best, criterion
from .elimination import Elimination
from .quadratic import Quadratic

_STEPS = 48
"""At each step this share of the classes that are left goes, one at least."""


@criterion
class Greedy(Criterion):
    """Several layers that read a group are weighed by their relative error and sensitivity."""

    name: ClassVar[str] = "greedy"
    needs_data: ClassVar[bool] = True

    def selections(self, candidates: Candidates, widths: Sequence[int]) -> list[NDArray[np.bool_]]:
        """The classes that are left, whatever the width: the choices are nested."""
        order = _elimination(candidates.forms, candidates.group.size, widths[0])
        scores = np.full(candidates.group.size, float(candidates.group.size))
        scores[order] = np.arange(len(order))
        return [best(scores, width) for width in widths]


def _elimination(forms: Sequence[Quadratic], size: int, floor: int) -> list[int]:
    """Classes in the order in which they go, until `floor` are left."""
    parts = [(form.weight, Elimination(form)) for form in forms]
    order: list[int] = []
    left = np.ones(size, dtype=bool)
    while left.sum() > floor:
        growth = np.sum([weight * part.growths(size) for weight, part in parts], axis=0)
        growth[~left] = np.inf
        count = min(max(1, int(left.sum()) // _STEPS), int(left.sum()) - floor)
        for index in np.argsort(growth, kind="stable")[:count].tolist():
            order.append(index)
            left[index] = False
            for _, part in parts:
                part.drop(np.array([index]))
    return order
