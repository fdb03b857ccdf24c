"""Rounding weights by reconstruction: the integers whose layer output is closest to the wanted one.

Frantar et al., *GPTQ: accurate post-training quantization for generative pre-trained transformers*, 2023: columns are
rounded one after the other, and what one rounding got wrong is made up for by the columns that are still free, by
the inverse of the inputs' second moments H. It minimizes tr(dW H dW') greedily, needs no gradients, and is the
closed-form cousin of AdaRound. Columns come in the order of falling diagonal of H.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

F32 = NDArray[np.float32]

_DAMPING = 0.01
"""Added to the diagonal of H, as a part of its mean (GPTQ's own choice)."""

_LEAST = 1e-12
_SMALLEST = np.float32(1e-32)
"""Step of a filter whose weights are all 0."""

_ON_GRID = 1e-4
"""How far a weight may be from a grid that it is said to lie on, as a part of its filter's largest: float32 folding of
scales leaves 1e-6, and 1e-4 is 1/80 of a step of 127."""

_FIRST = 16
"""Weights of a filter that are tried before all are: hardly ever do so many lie on a grid by chance."""

_BLOCK = 64
_CLIPS = np.linspace(1.0, 0.6, 21)


def filter_scales(weight: F32, limit: int, importance: F32 | None = None, *, clipped: bool = True) -> F32:
    """(N,): the step of each filter's grid, clipped where that loses less squared error.

    Filters that lie on a grid already, as in a network that was quantized before, keep it and lose nothing.

    Args:
        weight: (N, D).
        limit: largest integer.
        importance: mean square of the inputs (D,) or (N, D) that weighs the errors; all alike if None.
        clipped: whether to search; otherwise the largest weight decides.
    """
    largest = np.abs(weight).max(axis=1)
    full: F32 = np.maximum(largest / np.float32(limit), _SMALLEST).astype(np.float32)
    found = grid_steps(weight, limit)
    if clipped:
        full = _clipped_scales(weight, full, limit, importance)
    return np.where(found > 0, found, full)


def grid_steps(weight: F32, limit: int) -> F32:
    """(N,): the largest step that a filter's weights (N, D) are multiples of, up to `limit` times; 0 without one."""
    largest = np.abs(weight).max(axis=1)
    bound = _ON_GRID * largest[:, None]
    steps = largest[:, None] / np.arange(1, limit + 1, dtype=np.float32)
    first = np.stack([_on_grid(weight[:, :_FIRST], step, bound) for step in steps.T], axis=1) & (bound > 0)
    found: F32 = np.zeros(len(weight), np.float32)
    for count in np.flatnonzero(first.any(axis=0)):
        rows = np.flatnonzero(first[:, count] & (found == 0))
        rows = rows[_on_grid(weight[rows], steps[rows, count], bound[rows])]
        found[rows] = steps[rows, count]
    return found


def _on_grid(weight: F32, steps: F32, bound: F32) -> NDArray[np.bool_]:
    """(N,): whether all weights (N, D) are multiples of their filter's step (N,), but for `bound` (N, 1)."""
    steps = np.maximum(steps, _SMALLEST)[:, None]
    nearby: NDArray[np.bool_] = (np.abs(weight - np.rint(weight / steps) * steps) <= bound).all(axis=1)
    return nearby


def _clipped_scales(weight: F32, full: F32, limit: int, importance: F32 | None) -> F32:
    """(N,): the fraction of the `full` step (N,) with the least squared error."""
    best: NDArray[np.float64] = np.full(len(weight), np.inf)
    scales: F32 = full.copy()
    for clip in _CLIPS:
        scale = full * np.float32(clip)
        rounded = np.clip(np.rint(weight / scale[:, None]), -limit, limit) * scale[:, None]
        squares = np.square(rounded - weight)
        errors = (squares if importance is None else squares * importance).sum(axis=1)
        better = errors < best
        best[better], scales[better] = errors[better], scale[better]
    return scales


def nearest(weight: F32, scales: F32, limit: int) -> NDArray[np.int8]:
    """(N, D) integers by rounding each weight to the nearest."""
    values: NDArray[np.int8] = np.clip(np.rint(weight / scales[:, None]), -limit, limit).astype(np.int8)
    return values


def reconstructed(weight: F32, scales: F32, limit: int, moments: F32) -> NDArray[np.int8]:
    """(N, D) integers that lose least on inputs with these second moments.

    Args:
        weight: (N, D), the wanted weights.
        scales: (N,).
        limit: largest integer.
        moments: H, (D, D).
    """
    diagonal = np.diag(moments)
    order = np.argsort(-diagonal, kind="stable")
    upper = _inverse_factor(moments[np.ix_(order, order)])
    wanted = np.array(weight[:, order], np.float32)
    rounded = np.empty(wanted.shape, np.int8)
    steps = scales.astype(np.float32)
    for begin in range(0, wanted.shape[1], _BLOCK):
        end = min(begin + _BLOCK, wanted.shape[1])
        errors = _round_block(wanted[:, begin:end], rounded[:, begin:end], steps, limit, upper[begin:end, begin:end])
        wanted[:, end:] -= errors @ upper[begin:end, end:]
    restored = np.empty_like(rounded)
    restored[:, order] = rounded
    return restored


def _round_block(wanted: F32, rounded: NDArray[np.int8], steps: F32, limit: int, upper: F32) -> F32:
    """Round the columns of a block in place; the errors, each over its diagonal element."""
    errors = np.empty_like(wanted)
    for column in range(wanted.shape[1]):
        values = np.clip(np.rint(wanted[:, column] / steps), -limit, limit)
        rounded[:, column] = values
        error = (wanted[:, column] - values * steps) / upper[column, column]
        wanted[:, column + 1 :] -= error[:, None] * upper[column, column + 1 :]
        errors[:, column] = error
    return errors


def _inverse_factor(moments: F32) -> F32:
    """The upper triangular U with inv(H) = U'U of the damped H.

    H = RR' with an upper R, which is the Cholesky factor of H read from the end; U is the inverse of R.
    """
    damped = np.array(moments[::-1, ::-1], np.float32, order="F")
    damped[np.diag_indices_from(damped)] += _DAMPING * max(float(np.trace(damped)) / len(damped), _LEAST)
    factor = scipy.linalg.cholesky(damped, lower=True, overwrite_a=True, check_finite=False)
    del damped
    upper: F32 = scipy.linalg.lapack.strtri(np.asfortranarray(factor[::-1, ::-1]), lower=0, overwrite_c=1)[0]
    return upper
