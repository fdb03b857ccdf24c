"""Streamed histograms in bounded memory.

A histogram covers [-reach, reach) with a fixed number of bins. When a value lies outside, the reach doubles and pairs
of bins are merged into one, so that nothing seen before is lost or kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

BINS = 4096
SAMPLES_PER_IMAGE = 8192
"""Elements of one image that go into the histogram; extremes are taken over all of them."""

MOST_NUMBERS = 1024
"""Different numbers that are still remembered one by one: the pixels of three channels are 768."""

_AVERAGING = 0.99
"""Weight of the past in the moving average of ranges (as in PyTorch's and Quark's observers)."""

F32 = NDArray[np.float32]


class Histogram:
    """What is known of one tensor's values.

    Attributes:
        low: smallest value.
        high: largest value.
        average_low: moving average of the batches' smallest values.
        average_high: of their largest.
        numbers: the values that occur, where they are few; None where they are many.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.low, self.high = np.inf, -np.inf
        self.average_low, self.average_high = 0.0, 0.0
        self.numbers: F32 | None = np.zeros(0, np.float32)
        self._reach = 0.0
        self._counts = np.zeros(BINS, np.int64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Values per bin (BINS,)."""
        return self._counts

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin (BINS,)."""
        edges = np.linspace(-self._reach, self._reach, BINS, endpoint=False, dtype=np.float64)
        return edges + self._reach / BINS

    def add(self, batch: F32) -> None:
        """Take in one batch of the tensor, images first.

        Raises:
            DataError: it holds NaN or infinity.
        """
        if not batch.size:
            return
        low, high = float(batch.min()), float(batch.max())
        if not np.isfinite(low) or not np.isfinite(high):
            raise DataError(
                f"the tensor '{self.name}' holds NaN or infinity on the calibration data; take out the data, or "
                "mend the weights, that make it"
            )
        first = not np.isfinite(self.low)
        self.average_low = low if first else _AVERAGING * self.average_low + (1 - _AVERAGING) * low
        self.average_high = high if first else _AVERAGING * self.average_high + (1 - _AVERAGING) * high
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._widen(max(-low, high))
        flat = batch.reshape(-1)
        step = max(1, batch.size // (SAMPLES_PER_IMAGE * max(1, len(batch))))
        values = flat[:: step | 1]  # an odd step does not lock onto a row length that is a power of two
        self._remember(values)
        if self._reach:
            cells = (values * np.float32(BINS / 2 / self._reach) + np.float32(BINS / 2)).astype(np.int32)
            self._counts += np.bincount(np.clip(cells, 0, BINS - 1), minlength=BINS)

    def _remember(self, values: F32) -> None:
        """Take in which numbers occur, as long as they are few; a small part of the values tells when they are many."""
        for part in (values[: 2 * MOST_NUMBERS], values):
            if self.numbers is not None:
                numbers = np.unique(np.concatenate([self.numbers, part]))
                self.numbers = numbers if len(numbers) <= MOST_NUMBERS else None

    def _widen(self, reach: float) -> None:
        if reach > 0 and not self._reach:
            self._reach = 2.0 ** np.ceil(np.log2(reach) + 1e-6)
        while reach > self._reach:
            merged = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.zeros_like(self._counts)
            self._counts[BINS // 4 : BINS // 4 * 3] = merged
            self._reach *= 2

    def merged(self, other: Histogram) -> Histogram:
        """The histogram of both tensors' values."""
        both = Histogram(self.name)
        both.low, both.high = min(self.low, other.low), max(self.high, other.high)
        both.average_low = min(self.average_low, other.average_low)
        both.average_high = max(self.average_high, other.average_high)
        both.numbers = None if self.numbers is None or other.numbers is None else self.numbers
        if both.numbers is not None and other.numbers is not None:
            both._remember(other.numbers)
        for one in (self, other):
            both._widen(one._reach)
        both._counts = self._stretched(both._reach) + other._stretched(both._reach)
        return both

    def _stretched(self, reach: float) -> NDArray[np.int64]:
        """The counts over a reach that is a power of two times one's own."""
        copy = Histogram(self.name)
        copy._reach, copy._counts = self._reach or reach, self._counts.copy()
        copy._widen(reach)
        return copy._counts
