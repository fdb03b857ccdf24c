"""The LASSO at every penalty, from a Gram matrix alone.

Between two penalties at which a coefficient enters or leaves, the solution is a straight line (Osborne, Presnell and
Turlach, *A new approach to variable selection in least squares problems*, 2000; the LASSO modification of least angle
regression in Efron et al., 2004).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_STEPS_PER_COEFFICIENT = 8
"""So often each may enter and leave; beyond that rounding goes round in circles."""

_SMALLEST = 1e-12
"""Of what steps are divided by, and of a pivot; Gram matrices are scaled to a trace of 1."""


def lasso_path(gram: F64) -> Iterator[F64]:
    """The coefficients b (K,) where one enters or leaves, from the penalty at which the first enters down to 0.

    They minimize 1/2 |y - sum b_i z_i|^2 + a |b|_1, y being the sum of all z_i.

    Args:
        gram: (K, K) E[z_i z_j], regular, its trace 1.
    """
    coefficients = np.zeros(len(gram))
    left = gram.sum(axis=1)  # products of the z_i with what is left of y
    penalty = float(np.abs(left).max())
    active = _Active(gram)
    active.enter(int(np.abs(left).argmax()))
    gone = -1
    for _ in range(_STEPS_PER_COEFFICIENT * len(gram)):
        direction = active.solve(np.sign(left[active.members]))
        change = gram[:, active.members] @ direction
        entering, until_entry = _entry(left, change, penalty, [*active.members, gone])
        leaving, until_exit = _exit(coefficients[active.members], direction)
        step = min(until_entry, until_exit, penalty)
        coefficients[active.members] += step * direction
        left -= step * change
        penalty -= step
        gone = -1
        if until_exit <= min(until_entry, penalty + step):
            gone = active.members[leaving]
            coefficients[gone] = 0.0
            active.leave(leaving)
        elif penalty > 0:
            active.enter(entering)
        yield coefficients.copy()
        if penalty <= 0 or not active.members:
            return


def _entry(left: F64, change: F64, penalty: float, barred: list[int]) -> tuple[int, float]:
    """Which coefficient enters next, and after which step."""
    nearest = np.full(len(left), np.inf)
    for sign in (1.0, -1.0):
        falling = 1 - sign * change
        steps = np.full(len(left), np.inf)
        np.divide(np.maximum(penalty - sign * left, 0), falling, out=steps, where=falling > _SMALLEST)
        nearest = np.minimum(nearest, steps)
    nearest[[index for index in barred if index >= 0]] = np.inf
    index = int(nearest.argmin())
    return index, float(nearest[index])


def _exit(coefficients: F64, direction: F64) -> tuple[int, float]:
    """Place of the coefficient that is the next to reach 0, and after which step."""
    steps = np.full(len(coefficients), np.inf)
    np.divide(-coefficients, direction, out=steps, where=coefficients * direction < 0)
    place = int(steps.argmin())
    return place, float(steps[place])


class _Active:
    """The coefficients that are not 0, and the Cholesky factor of their part of the Gram matrix.

    Attributes:
        members: their indices, in the order in which they came.
    """

    def __init__(self, gram: F64) -> None:
        self._gram = gram
        self._lower = np.zeros_like(gram)
        self.members: list[int] = []

    def enter(self, index: int) -> None:
        size = len(self.members)
        row = np.zeros(0)
        if size:
            lower = self._lower[:size, :size]
            row = scipy.linalg.solve_triangular(lower, self._gram[self.members, index], lower=True, check_finite=False)
        self._lower[size, :size] = row
        self._lower[size, size] = np.sqrt(max(float(self._gram[index, index] - row @ row), _SMALLEST))
        self.members.append(index)

    def leave(self, place: int) -> None:
        """Factorize anew behind the place of the one that leaves."""
        del self.members[place]
        rest = self.members[place:]
        self.members = self.members[:place]
        for index in rest:
            self.enter(index)

    def solve(self, right: F64) -> F64:
        size = len(self.members)
        solved: F64 = scipy.linalg.cho_solve((self._lower[:size, :size], True), right, check_finite=False)
        return solved
