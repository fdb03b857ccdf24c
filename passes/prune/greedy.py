"""`--criterion greedy`: drop, one after the other, the channel whose loss is felt least once the rest is fitted anew.

Backward elimination with the exact change of the least-squares error: without the columns S of a channel, the error
grows by tr(W_S [(G^-1)_SS]^-1 W_S'), W being fitted to what is left (Hassibi and Stork, *Second order derivatives for
network pruning: optimal brain surgeon*, 1993, for whole channels as in Kurtic et al., *ZipLM*, 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .criterion import Candidates, Criterion, best, criterion
from .quadratic import F64, Quadratic

_STEPS = 48
"""At each step this share of the classes that are left goes, one at least."""


@criterion
class Greedy(Criterion):
    """Several layers that read a group are weighed by their relative error and sensitivity."""

    name: ClassVar[str] = "greedy"
    needs_data: ClassVar[bool] = True

    def selections(self, candidates: Candidates, widths: Sequence[int]) -> list[NDArray[np.bool_]]:
        """The classes that are left, whatever the width: the choices are nested."""
        order = _elimination([_Elimination(form) for form in candidates.forms], candidates.group.size, widths[0])
        scores = np.full(candidates.group.size, float(candidates.group.size))
        scores[order] = np.arange(len(order))
        return [best(scores, width) for width in widths]


def _elimination(parts: Sequence[_Elimination], size: int, floor: int) -> list[int]:
    """Classes in the order in which they go, until `floor` are left."""
    order: list[int] = []
    left = np.ones(size, dtype=bool)
    while left.sum() > floor:
        growth = np.sum([part.growth(size) for part in parts], axis=0)
        growth[~left] = np.inf
        count = min(max(1, int(left.sum()) // _STEPS), int(left.sum()) - floor)
        for index in np.argsort(growth, kind="stable")[:count].tolist():
            order.append(index)
            left[index] = False
            for part in parts:
                part.drop(index)
    return order


class _Elimination:
    """The inverse Gram matrix and the fitted kernel of one form, kept up to date as classes go."""

    def __init__(self, form: Quadratic) -> None:
        self._inverse: F64 = scipy.linalg.inv(form.gram, check_finite=False)
        self._kernel = form.kernel.copy()
        self._scale = form.weight / form.energy if form.energy > 0 else 0.0
        positions = np.arange(form.positions)
        self._columns: dict[int, NDArray[np.intp]] = {}
        for index in np.unique(form.classes[form.classes >= 0]).tolist():
            channels = np.flatnonzero(form.classes == index)
            self._columns[index] = (channels[:, None] * form.positions + positions).ravel()

    def growth(self, size: int) -> F64:
        """(K,) by how much the error grows without each class."""
        grown = np.zeros(size)
        by_length: dict[int, list[int]] = {}
        for index, columns in self._columns.items():
            by_length.setdefault(len(columns), []).append(index)
        for indices in by_length.values():
            columns = np.stack([self._columns[index] for index in indices])
            blocks = self._inverse[columns[:, :, None], columns[:, None, :]]
            kernels = np.moveaxis(self._kernel[:, columns], 0, 2)
            grown[indices] = np.einsum("kqn,kqn->k", kernels, np.linalg.solve(blocks, kernels))
        return grown * self._scale

    def drop(self, index: int) -> None:
        """Fit what is left without the class."""
        columns = self._columns.pop(index, None)
        if columns is None:
            return
        rows = self._inverse[columns]
        solved = np.linalg.solve(rows[:, columns], rows)
        self._kernel -= self._kernel[:, columns] @ solved
        self._inverse -= rows.T @ solved
        # what is gone must not couple with anything again, not even by rounding
        self._inverse[columns] = self._inverse[:, columns] = 0.0
        self._kernel[:, columns] = 0.0
