"""Stream calibration data through the float network: channel ranges for equalization, histograms for grids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...errors import DataError
from ...progress import track
from ..sampling import Activations
from ..statistics import Batches, batch_size
from .equalize import ChannelRanges
from .histogram import Histogram

F32 = NDArray[np.float32]


def channel_ranges(graph: gs.Graph, tensors: Iterable[str], batches: Batches) -> Mapping[str, ChannelRanges]:
    """The ranges of every channel of `tensors`, shaped (B, C, ...).

    Raises:
        DataError: there is no data, or it makes NaN or infinity.
    """
    observers = {name: _ChannelObserver(name) for name in tensors}
    _stream(graph, observers, batches, "Observing channels")
    return {name: observer.finish() for name, observer in observers.items()}


def histograms(graph: gs.Graph, tensors: Iterable[str], batches: Batches) -> Mapping[str, Histogram]:
    """The histograms of `tensors`.

    Raises:
        DataError: there is no data, or it makes NaN or infinity.
    """
    observers = {name: Histogram(name) for name in tensors}
    _stream(graph, observers, batches, "Observing ranges")
    return observers


def _stream(
    graph: gs.Graph, observers: Mapping[str, Histogram] | Mapping[str, _ChannelObserver], batches: Batches, title: str
) -> None:
    activations = Activations(graph, observers)
    images = 0
    for feeds in track(batches, title):
        for name, values in activations(feeds).items():
            observers[name].add(values)
        images += batch_size(feeds)
    if not images:
        raise DataError("the calibration data is empty; give --data at least one image")


class _ChannelObserver:
    """The running extremes, power and mean of one tensor's channels."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._low: NDArray[np.float64] | None = None
        self._high: NDArray[np.float64] | None = None
        self._squares: NDArray[np.float64] | float = 0.0
        self._sums: NDArray[np.float64] | float = 0.0
        self._count = 0

    def add(self, batch: F32) -> None:
        """Take in one batch (B, C, ...)."""
        flat = batch.reshape(len(batch), batch.shape[1], -1)
        low, high = flat.min(axis=2).min(axis=0), flat.max(axis=2).max(axis=0)
        if not np.isfinite(low).all() or not np.isfinite(high).all():
            raise DataError(
                f"the tensor '{self.name}' holds NaN or infinity on the calibration data; take out the data, or "
                "mend the weights, that make it"
            )
        self._low = low if self._low is None else np.minimum(self._low, low)
        self._high = high if self._high is None else np.maximum(self._high, high)
        self._squares = self._squares + np.einsum("bcs,bcs->c", flat, flat, dtype=np.float32).astype(np.float64)
        self._sums = self._sums + flat.sum(axis=2).sum(axis=0, dtype=np.float64)
        self._count += flat.shape[0] * flat.shape[2]

    def finish(self) -> ChannelRanges:
        """The ranges and the means."""
        if self._low is None or self._high is None:
            raise DataError("the calibration data is empty; give --data at least one image")
        power, mean = (np.asarray(sums) / max(self._count, 1) for sums in (self._squares, self._sums))
        return ChannelRanges(self._low.astype(np.float64), self._high.astype(np.float64), power, mean)
