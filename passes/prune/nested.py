"""The error of a layer at every number of channels that it may keep, the first ones of an order."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .quadratic import Floats, Quadratic


class Nested:
    """The fits of one form to the first channels of an order, from one factorization.

    The rows of one triangular solution tell what each column adds.

    Attributes:
        errors: (C'+1,) with 0, 1, 2, ... channels of the order, over the energy.
    """

    def __init__(self, form: Quadratic, order: NDArray[np.intp]) -> None:
        self._form = form
        self._columns = (order[:, None] * form.positions + np.arange(form.positions)).ravel()
        rows = form.gram[self._columns]
        cross = rows @ form.kernel.T
        gram = rows[:, self._columns].T  # symmetric: so it lies in memory as LAPACK wants it
        self._lower: Floats = scipy.linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        self._solved: Floats = scipy.linalg.solve_triangular(self._lower, cross, lower=True, check_finite=False)
        self.errors: NDArray[np.float64] = np.zeros(len(order) + 1)
        if form.energy > 0:
            met = np.square(self._solved).sum(axis=1, dtype=np.float64).reshape(len(order), -1).sum(axis=1)
            self.errors = np.maximum(1 - np.concatenate([[0.0], met.cumsum()]) / form.energy, 0.0)

    def kernel(self, width: int) -> Floats:
        """The best kernel (N, D) with the first `width` channels and zeros for the others."""
        size = width * self._form.positions
        kernel = np.zeros_like(self._form.kernel)
        lower, solved = self._lower[:size, :size], self._solved[:size]
        fitted = scipy.linalg.solve_triangular(lower, solved, trans="T", lower=True, check_finite=False)
        kernel[:, self._columns[:size]] = fitted.T
        return kernel
