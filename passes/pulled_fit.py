"""Least squares pulled to weights that are known to do well, as strongly as serves images that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .shrinkage import factored, rounding, shrinkage

F32 = NDArray[np.float32]

_STEP = 10.0
_STEPS = 3
"""So many times the pull may become stronger or weaker by `_STEP`."""

_HELD_OUT = 4
"""One image of so many is left out."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was fitted.

    Attributes:
        coefficients: (D + 1, N), the last row the intercept or zeros.
        moments: the mean (D,) of the inputs, zeros without intercept, and X' X (D, D) about it; None where there were
            fewer samples than inputs.
    """

    coefficients: F32
    moments: tuple[F32, F32] | None


class _System(Protocol):
    """Normal equations of some rows."""

    def shrinkage(self, count: float) -> float:
        """What to add to the mean square of the inputs, which are worth so many independent samples."""

    def change(self, pull: float) -> F32:
        """(D, N) what is to be added to the weights."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The equations by columns, for more rows than columns.

    Attributes:
        gram: of the inputs (D, D).
        cross: of the inputs with what is missing (D, N).
        rows: how many.
    """

    gram: F32
    cross: F32
    rows: int

    def shrinkage(self, count: float) -> float:
        return shrinkage(self.gram / np.float32(self.rows), count)

    def change(self, pull: float) -> F32:
        solved: F32 = scipy.linalg.cho_solve(_factor(self.gram, self.rows * pull), self.cross, check_finite=False)
        return solved


@dataclass(frozen=True, slots=True)
class _Rows:
    """The same by rows, for more columns than rows: X' (X X' + S p I)^-1 Y in the place of (X' X + S p I)^-1 X' Y.

    Attributes:
        inputs: (S, D).
        missing: (S, N).
        gram: X X' (S, S).
    """

    inputs: F32
    missing: F32
    gram: F32

    def shrinkage(self, count: float) -> float:
        return shrinkage(self.gram / np.float32(len(self.gram)), count, size=self.inputs.shape[1])

    def change(self, pull: float) -> F32:
        weights = scipy.linalg.cho_solve(_factor(self.gram, len(self.gram) * pull), self.missing, check_finite=False)
        change: F32 = self.inputs.T @ weights
        return change


def _factor(gram: F32, ridge: float) -> tuple[F32, bool]:
    return factored(gram, ridge + rounding(gram))


@dataclass(frozen=True, slots=True)
class _Rest:
    """The equations of the rows that are not left out, about their own means, and those that are.

    Attributes:
        system: the equations.
        mean_x: (D,) of the inputs.
        mean_y: (N,) of what is missing.
        inputs: left out (S', D).
        missing: left out (S', N).
    """

    system: _System
    mean_x: F32
    mean_y: F32
    inputs: F32
    missing: F32

    def error(self, pull: float) -> float:
        """Squared, of what is left out."""
        change = self.system.change(pull)
        left = self.missing - self.inputs @ change + (self.mean_x @ change - self.mean_y)
        return float(np.vdot(left, left))


def _systems(inputs: F32, missing: F32, held: NDArray[np.bool_], *, intercept: bool) -> tuple[_System, _Rest]:
    """The equations of all rows, and of those that are not `held` out."""
    rest, out = (inputs[~held], missing[~held]), (inputs[held], missing[held])
    mean_x, mean_y = (_mean(it) if intercept else np.zeros(it.shape[1], np.float32) for it in rest)
    if len(inputs) < inputs.shape[1]:
        gram = inputs @ inputs.T
        centred = rest[0] - mean_x
        shared = rest[0] @ mean_x
        part = gram[np.ix_(~held, ~held)] - shared[:, None] - shared + mean_x @ mean_x
        return _Rows(inputs, missing, gram), _Rest(_Rows(centred, rest[1] - mean_y, part), mean_x, mean_y, *out)
    grams, crosses = ([x.T @ y for x, y in pairs] for pairs in (((rest[0], rest[0]), (out[0], out[0])), (rest, out)))
    whole = _Columns(grams[0] + grams[1], crosses[0] + crosses[1], len(inputs))
    count = np.float32(len(rest[0]))
    grams[0] -= np.outer(count * mean_x, mean_x)
    crosses[0] -= np.outer(count * mean_x, mean_y)
    return whole, _Rest(_Columns(grams[0], crosses[0], len(rest[0])), mean_x, mean_y, *out)


def fit_pulled(
    inputs: Sequence[F32],
    wanted: Sequence[F32],
    priors: Sequence[F32],
    *,
    count: float,
    images: int,
    intercept: bool = True,
) -> list[Pulled]:
    """Fit each convolution group.

    The coefficients minimize |wanted - inputs W - b|^2 / S + p |W - prior|^2. The p is that of `shrinkage`, or as much
    weaker or stronger, the same in all groups, as makes the error least on every fourth image, left out for that; at
    last all are fitted.

    Args:
        inputs: (S, D) of each group, image by image.
        wanted: (S, N).
        priors: (D, N).
        count: how many independent samples S are worth.
        images: that the samples are of, as many of each.
        intercept: whether there is one.
    """
    held = np.arange(images).repeat(len(inputs[0]) // images) % _HELD_OUT == _HELD_OUT - 1
    means, pairs = [], []
    for rows, right, prior in zip(inputs, wanted, priors, strict=True):
        missing = right - rows @ prior
        mean_x, mean_y = (_mean(it) if intercept else np.zeros(it.shape[1], np.float32) for it in (rows, missing))
        means.append((mean_x, mean_y))
        pairs.append(_systems(rows - mean_x, missing - mean_y, held, intercept=intercept))
    pulls = [whole.shrinkage(count) for whole, _ in pairs]
    factor = _best_factor([rest for _, rest in pairs], pulls) if held.any() else 1.0
    fitted = []
    for prior, (mean_x, mean_y), (whole, _), pull in zip(priors, means, pairs, pulls, strict=True):
        change = whole.change(pull * factor)
        coefficients = np.concatenate([prior + change, (mean_y - mean_x @ change)[None]])
        fitted.append(Pulled(coefficients, (mean_x, whole.gram) if isinstance(whole, _Columns) else None))
    return fitted


def _mean(rows: F32) -> F32:
    """(D,) of rows (S, D)."""
    mean: F32 = np.full(len(rows), 1 / len(rows), np.float32) @ rows
    return mean


def _best_factor(rests: Sequence[_Rest], pulls: Sequence[float]) -> float:
    """The factor of all pulls with which fits to the `rests` have the least error on samples that were left out."""

    def error(factor: float) -> float:
        return sum(rest.error(pull * factor) for rest, pull in zip(rests, pulls, strict=True))

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
