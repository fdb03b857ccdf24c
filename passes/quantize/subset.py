"""A small spread-out part of calibration data, kept in memory for what reads it many times."""

from __future__ import annotations

from collections.abc import Iterator

from ...runtime_check.session import Feeds
from ..statistics import Batches, batch_size


class Subset:
    """Passes batches through and keeps every n-th, n doubling whenever there are too many: bounded, and evenly spread.

    Args:
        batches: the data.
        images: keep fewer than twice as many, and at least one batch.
        memory: bytes to keep at most, beyond one batch.
    """

    def __init__(self, batches: Batches, images: int, memory: int) -> None:
        self._batches, self._images, self._memory = batches, images, memory
        self.kept: list[Feeds] = []

    def __iter__(self) -> Iterator[Feeds]:
        self.kept = []
        stride = 1
        for number, feeds in enumerate(self._batches):
            if number % stride == 0:
                self.kept.append(feeds)
                while len(self.kept) > 1 and self._overflows():
                    self.kept = self.kept[::2]
                    stride *= 2
            yield feeds

    def _overflows(self) -> bool:
        size = sum(value.nbytes for feeds in self.kept for value in feeds.values())
        return size > self._memory or sum(map(batch_size, self.kept)) >= 2 * self._images
