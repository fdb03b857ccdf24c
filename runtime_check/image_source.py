"""Images from anywhere, decoded and preprocessed on a few threads, a bounded number ahead of the one waited for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import DataError
from ..preprocessing import Preprocessing
from .images import SIZE, BrokenImageError, to_tensor
from .inputs import InputSpec
from .labels import Labels

_WORKERS = min(4, os.cpu_count() or 1)
_AHEAD = 4 * _WORKERS

_Sample = dict[str, NDArray[Any]]


class Images(Protocol):
    """A numbered set of images.

    Attributes:
        description: for tables.
        labels: class index of each, if known.
    """

    description: str
    labels: Labels | None

    def __len__(self) -> int:
        """How many there are, broken ones included."""

    def name(self, index: int) -> str:
        """What an image is called in messages."""

    def read(self, index: int) -> Image.Image:
        """Decode one; called from several threads. Raises BrokenImageError."""


class ImageSource:
    """Images as samples of a model's only input.

    Args:
        images: where they lie.
        inputs: what the model wants.
        preprocessing: from image to tensor.

    Raises:
        DataError: the model has not exactly one input.
    """

    is_random = False

    def __init__(self, images: Images, inputs: Sequence[InputSpec], preprocessing: Preprocessing) -> None:
        if len(inputs) != 1:
            raise DataError(
                f"{images.description}: images feed one input, but the model has {len(inputs)} "
                f"({', '.join(spec.name for spec in inputs)}); give an .npz with an array for each"
            )
        self.description = images.description
        self.labels = images.labels
        self.skipped: dict[str, str] = {}
        self._images, self._input, self._preprocessing = images, inputs[0].name, preprocessing

    def __len__(self) -> int:
        """Images there are, broken ones included."""
        return len(self._images)

    def name(self, index: int) -> str:
        """What a sample is called in messages."""
        return self._images.name(index)

    def samples(self, indices: Sequence[int]) -> Iterator[tuple[int, _Sample]]:
        """The readable images among `indices`, each with its index; the others go to `skipped`."""
        self.skipped.clear()
        waiting: deque[tuple[int, Future[_Sample]]] = deque()
        with ThreadPoolExecutor(_WORKERS) as pool:
            try:
                for index in indices:
                    waiting.append((index, pool.submit(self._load, index)))
                    if len(waiting) > _AHEAD:
                        yield from self._take(*waiting.popleft())
                while waiting:
                    yield from self._take(*waiting.popleft())
            finally:
                for _, future in waiting:
                    future.cancel()

    def _load(self, index: int) -> _Sample:
        image = self._images.read(index)
        return {self._input: to_tensor(image, self._preprocessing), SIZE: np.array(image.size[::-1])}

    def _take(self, index: int, future: Future[_Sample]) -> Iterator[tuple[int, _Sample]]:
        try:
            yield index, future.result()
        except BrokenImageError as error:
            self.skipped[self.name(index)] = str(error)
