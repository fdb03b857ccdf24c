"""The error of a layer while channels that it reads go, one after the other, and the rest is fitted anew each time.

Without the columns S of some channels, the least-squares error grows by tr(W_S [(G^-1)_SS]^-1 W_S'), W being fitted to
what is left (Hassibi and Stork, *Second order derivatives for network pruning: optimal brain surgeon*, 1993, for whole
channels as in Kurtic et al., *ZipLM*, 2023).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .quadratic import F64, Quadratic

Indices = NDArray[np.intp]


class Elimination:
    """The inverse Gram matrix and the fitted kernel of one form, kept up to date as classes go.

    Attributes:
        error: over the energy, by what is gone so far.
    """

    def __init__(self, form: Quadratic) -> None:
        gram: F64 = form.gram.astype(np.float64)
        self._inverse: F64 = scipy.linalg.inv(gram, check_finite=False)
        self._kernel: F64 = form.kernel.astype(np.float64)
        self._energy = form.energy
        self.error = 0.0
        positions = np.arange(form.positions)
        self._columns: dict[int, Indices] = {}
        for index in np.unique(form.classes[form.classes >= 0]).tolist():
            channels = np.flatnonzero(form.classes == index)
            self._columns[index] = (channels[:, None] * form.positions + positions).ravel()

    def growths(self, size: int) -> F64:
        """(K,) by how much the error grows without each class that is left."""
        grown = np.zeros(size)
        by_length: dict[int, list[int]] = {}
        for index, columns in self._columns.items():
            by_length.setdefault(len(columns), []).append(index)
        for indices in by_length.values():
            columns = np.stack([self._columns[index] for index in indices])
            blocks = self._inverse[columns[:, :, None], columns[:, None, :]]
            kernels = np.moveaxis(self._kernel[:, columns], 0, 2)
            grown[indices] = np.einsum("kqn,kqn->k", kernels, np.linalg.solve(blocks, kernels))
        return grown / self._energy if self._energy > 0 else grown

    def growth(self, classes: Indices) -> float:
        """By how much the error grows without all of these classes."""
        columns = self._of(classes)
        kernel = self._kernel[:, columns].T
        grown = float(np.vdot(kernel, np.linalg.solve(self._inverse[np.ix_(columns, columns)], kernel)))
        return grown / self._energy if self._energy > 0 else 0.0

    def drop(self, classes: Indices) -> None:
        """Fit what is left without these classes."""
        columns = self._of(classes)
        if not len(columns):
            return
        self.error += self.growth(classes)
        rows = self._inverse[columns]
        solved = np.linalg.solve(rows[:, columns], rows)
        self._kernel -= self._kernel[:, columns] @ solved
        self._inverse -= rows.T @ solved
        # what is gone must not couple with anything again, not even by rounding
        self._inverse[columns] = self._inverse[:, columns] = 0.0
        self._kernel[:, columns] = 0.0
        for index in classes.tolist():
            self._columns.pop(index, None)

    def _of(self, classes: Indices) -> Indices:
        """The columns of those of the classes that are left."""
        found = [self._columns[index] for index in classes.tolist() if index in self._columns]
        return np.concatenate(found) if found else np.empty(0, np.intp)
