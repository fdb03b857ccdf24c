"""Least squares pulled to weights that are known to do well, as strongly as serves images that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .shrinkage import shrinkage

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_STEP = 10.0
_STEPS = 3
"""So many times the pull may become stronger or weaker by `_STEP`."""

_HELD_OUT = 4
"""One image of so many is left out."""


class _System(Protocol):
    """Normal equations of some rows."""

    def shrinkage(self, count: float) -> float:
        """What to add to the mean square of the inputs, which are worth so many independent samples."""

    def change(self, pull: float) -> F64:
        """(D, N) what is to be added to the weights."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The equations by columns, for more rows than columns.

    Attributes:
        gram: of the inputs about their mean (D, D).
        cross: of the inputs with what is missing (D, N).
        rows: how many.
    """

    gram: F64
    cross: F64
    rows: int

    def shrinkage(self, count: float) -> float:
        return shrinkage(self.gram / self.rows, count)

    def change(self, pull: float) -> F64:
        solved: F64 = scipy.linalg.cho_solve(_factor(self.gram, self.rows * pull), self.cross, check_finite=False)
        return solved


@dataclass(frozen=True, slots=True)
class _Rows:
    """The same by rows, for more columns than rows: X' (X X' + S p I)^-1 Y in the place of (X' X + S p I)^-1 X' Y.

    Attributes:
        inputs: about their mean (S, D).
        missing: likewise (S, N).
        gram: X X' (S, S).
    """

    inputs: F32
    missing: F32
    gram: F64

    def shrinkage(self, count: float) -> float:
        return shrinkage(self.gram / len(self.gram), count, size=self.inputs.shape[1])

    def change(self, pull: float) -> F64:
        weights = scipy.linalg.cho_solve(_factor(self.gram, len(self.gram) * pull), self.missing, check_finite=False)
        change: F64 = (self.inputs.T @ weights.astype(np.float32)).astype(np.float64)
        return change


def _factor(gram: F64, ridge: float) -> tuple[F64, bool]:
    regular = gram.copy()
    rounding = float(np.finfo(np.float32).eps * np.trace(gram))
    regular[np.diag_indices_from(regular)] += ridge + rounding + np.finfo(np.float32).tiny
    factor: tuple[F64, bool] = scipy.linalg.cho_factor(regular, lower=True, overwrite_a=True, check_finite=False)
    return factor


@dataclass(frozen=True, slots=True)
class _Regression:
    """A regression of some rows about their means."""

    system: _System
    mean_x: F64
    mean_y: F64

    @classmethod
    def of(cls, inputs: F32, missing: F32, *, intercept: bool) -> _Regression:
        """The regression of `missing` (S, N) on `inputs` (S, D)."""
        mean_x, mean_y = np.zeros(inputs.shape[1]), np.zeros(missing.shape[1])
        if intercept:
            mean_x, mean_y = inputs.mean(axis=0, dtype=np.float64), missing.mean(axis=0, dtype=np.float64)
            inputs, missing = inputs - mean_x.astype(np.float32), missing - mean_y.astype(np.float32)
        if len(inputs) < inputs.shape[1]:
            return cls(_Rows(inputs, missing, (inputs @ inputs.T).astype(np.float64)), mean_x, mean_y)
        gram, cross = (inputs.T @ inputs).astype(np.float64), (inputs.T @ missing).astype(np.float64)
        return cls(_Columns(gram, cross, len(inputs)), mean_x, mean_y)

    def solve(self, pull: float) -> tuple[F64, F64]:
        """What is to be added to the weights (D, N), and the intercepts (N,)."""
        change = self.system.change(pull)
        return change, self.mean_y - self.mean_x @ change


def fit_pulled(
    inputs: Sequence[F32],
    wanted: Sequence[F32],
    priors: Sequence[F32],
    *,
    count: float,
    images: int,
    intercept: bool = True,
) -> list[F32]:
    """(D + 1, N) coefficients of each convolution group, the last row the intercept or zeros.

    They minimize |wanted - inputs W - b|^2 / S + p |W - prior|^2. The p is that of `shrinkage`, or as much weaker or
    stronger, the same in all groups, as makes the error least on every fourth image, left out for that; at last all
    are fitted.

    Args:
        inputs: (S, D) of each group, image by image.
        wanted: (S, N).
        priors: (D, N).
        count: how many independent samples S are worth.
        images: that the samples are of, as many of each.
        intercept: whether there is one.
    """
    missing = [right - rows @ prior for rows, right, prior in zip(inputs, wanted, priors, strict=True)]
    pairs = list(zip(inputs, missing, strict=True))
    held = np.arange(images).repeat(len(inputs[0]) // images) % _HELD_OUT == _HELD_OUT - 1
    wholes = [_Regression.of(*pair, intercept=intercept) for pair in pairs]
    pulls = [whole.system.shrinkage(count) for whole in wholes]
    factor = 1.0
    if held.any():
        rests = [_Regression.of(rows[~held], right[~held], intercept=intercept) for rows, right in pairs]
        factor = _best_factor(rests, [(rows[held], right[held]) for rows, right in pairs], pulls)
    solutions = []
    for prior, whole, pull in zip(priors, wholes, pulls, strict=True):
        change, constant = whole.solve(pull * factor)
        solutions.append(np.concatenate([prior + change, constant[None]]).astype(np.float32))
    return solutions


def _best_factor(rests: Sequence[_Regression], held: Sequence[tuple[F32, F32]], pulls: Sequence[float]) -> float:
    """The factor of all pulls with which fits to the `rests` have the least error on samples that were left out."""

    def error(factor: float) -> float:
        total = 0.0
        for rest, (inputs, missing), pull in zip(rests, held, pulls, strict=True):
            change, constant = rest.solve(pull * factor)
            left = missing - inputs @ change.astype(np.float32) - constant.astype(np.float32)
            total += float(np.vdot(left, left))
        return total

    best, least = 1.0, error(1.0)
    for step in (_STEP, 1 / _STEP):
        for _ in range(_STEPS):
            reached = error(best * step)
            if reached >= least:
                break
            best, least = best * step, reached
        if best != 1.0:
            break
    return best
