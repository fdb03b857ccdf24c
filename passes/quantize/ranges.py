"""Where an activation's grid begins and ends, from its histogram: five methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .grid import activation_grid
from .histogram import Histogram

RangeMethod = Literal["minmax", "average", "percentile", "mse", "entropy"]

Range = tuple[float, float]

PERCENTILE = 99.99
"""Of the values, split evenly over both ends: onnxruntime's default is 99.999, TensorRT's usual choice 99.99."""

_SHRINKS = np.geomspace(1.0, 0.03, 80)
"""Candidates of MSE: fractions of the largest magnitude at which the grid ends."""

_WIDER = np.array([1.0, 1.004, 1.008, 1.013, 1.02])
"""More of them where values are negative too: pixels less 127.5 all lie half-way between the steps of their own range,
where each is rounded as wrongly as can be, and every runtime does it its own way."""

_FINE = 2
"""Steps are judged by their width where they are less than so many bins."""

_ENTROPY_LEVELS = 128
"""Bins that the reference distribution is squeezed into (Migacz, *8-bit inference with TensorRT*, 2017)."""


def choose_range(histogram: Histogram, method: RangeMethod, *, bits: int = 8) -> Range:
    """The range [low, high] of the grid for a tensor with this histogram.

    Args:
        histogram: of the tensor on calibration data.
        method: 'minmax' covers everything; 'average' the moving average of the batches' extremes; 'percentile' cuts
            one value in 10,000; 'mse' loses the least squared error to rounding and clipping together; 'entropy'
            keeps the distribution closest in Kullback-Leibler divergence.
        bits: of the grid.
    """
    if not np.isfinite(histogram.low):
        return (0.0, 0.0)
    return _METHODS[method](histogram, bits)


def _minmax(histogram: Histogram, _bits: int) -> Range:
    return (histogram.low, histogram.high)


def _average(histogram: Histogram, _bits: int) -> Range:
    return (histogram.average_low, histogram.average_high)


def _percentile(histogram: Histogram, _bits: int) -> Range:
    cumulative = np.cumsum(histogram.counts) / max(histogram.counts.sum(), 1)
    tail = (1 - PERCENTILE / 100) / (2 if histogram.low < 0 else 1)
    centres = histogram.centres
    low = centres[np.searchsorted(cumulative, tail)] if histogram.low < 0 else histogram.low
    high = centres[min(int(np.searchsorted(cumulative, 1 - tail)), len(centres) - 1)]
    return (max(float(low), histogram.low), min(float(high), histogram.high))


def _mse(histogram: Histogram, bits: int) -> Range:
    """Search both ends together, then each of them with the other fixed."""
    used = np.flatnonzero(histogram.counts)
    values, weights = histogram.centres[used], histogram.counts[used].astype(np.float64)
    low, high = histogram.low, histogram.high
    if low < 0 < high:
        both = [(low * factor, high * factor) for factor in (*_WIDER, *_SHRINKS)]
        low, high = _best(both, values, weights, bits)
    high = _best([(low, high * shrink) for shrink in _SHRINKS], values, weights, bits)[1]
    if low < 0:
        low = _best([(low * shrink, high) for shrink in _SHRINKS], values, weights, bits)[0]
    return (low, high)


def _best(candidates: list[Range], values: NDArray[np.float64], weights: NDArray[np.float64], bits: int) -> Range:
    errors = [_squared_error(values, weights, candidate, bits) for candidate in candidates]
    return candidates[int(np.argmin(errors))]


def _squared_error(values: NDArray[np.float64], weights: NDArray[np.float64], ends: Range, bits: int) -> float:
    """Of rounding the middle of each bin; where steps are hardly wider than bins, a step squared over 12."""
    grid = activation_grid(*ends, bits=bits)
    clipped = values - np.clip(values, grid.low, grid.high)
    rounding = np.rint(values / grid.scale) * grid.scale - values
    if len(values) > 1 and grid.scale < _FINE * np.diff(values).min():
        rounding = np.full_like(values, grid.scale / 12**0.5)
    return float(weights @ np.square(np.where(clipped == 0, rounding, clipped)))


def _entropy(histogram: Histogram, bits: int) -> Range:
    """Migacz's search over thresholds on magnitudes; the sign of the range is the tensor's."""
    counts, centres = histogram.counts, histogram.centres
    half = len(counts) // 2
    magnitudes = (counts[half:] + counts[:half][::-1]).astype(np.float64)
    magnitudes[0] = magnitudes[1]  # the zeros of Relu would outweigh everything else
    levels = _ENTROPY_LEVELS if bits >= 8 else max(2, 1 << (bits - 1))
    last = int(np.flatnonzero(magnitudes)[-1]) + 1 if magnitudes.any() else 1
    candidates = range(levels, last + 1, max(1, (last - levels) // 100 or 1))
    scores = {size: _divergence(magnitudes[:last], size, levels) for size in candidates}
    size = min(scores, key=scores.__getitem__) if scores else last
    threshold = float(centres[half + size - 1]) if size < last else max(-histogram.low, histogram.high)
    return (max(-threshold, histogram.low), min(threshold, histogram.high))


def _divergence(counts: NDArray[np.float64], size: int, levels: int) -> float:
    """KL divergence of the histogram cut at `size` from the same squeezed into `levels` bins."""
    reference = counts[:size].copy()
    reference[-1] += counts[size:].sum()
    used = counts[:size] > 0
    edges = np.arange(size) * levels // size
    sums = np.bincount(edges, counts[:size], levels)
    filled = np.bincount(edges, used, levels)
    squeezed = np.where(used, (sums / np.maximum(filled, 1))[edges], 0.0)
    p, q = reference / max(reference.sum(), 1), squeezed / max(squeezed.sum(), 1)
    both = (p > 0) & (q > 0)
    missing = float(p[(p > 0) & (q <= 0)].sum())
    return float((p[both] * np.log(p[both] / q[both])).sum()) + missing


_METHODS: Mapping[RangeMethod, Callable[[Histogram, int], Range]] = {
    "minmax": _minmax,
    "average": _average,
    "percentile": _percentile,
    "mse": _mse,
    "entropy": _entropy,
}
