"""The samples on which two models differ most, with small pictures of them."""

from __future__ import annotations

import base64
import heapq
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..preprocessing import Preprocessing
from .data import Batch
from .images import to_image

KEEP = 8
THUMBNAIL_PIXELS = 128


@dataclass(frozen=True, slots=True)
class WorstSample:
    """One sample.

    Attributes:
        name: its file, or `x[17]`.
        label: its class, if known.
        answers: the class that each model gives it; empty without class scores.
        error: L2 norm of the output's error over that of the first model's output.
        thumbnail: a JPEG as base64; empty if the input is no image.
    """

    name: str
    label: int | None
    answers: tuple[int, ...]
    error: float
    thumbnail: str


class WorstMeter:
    """Keeps the few samples with the largest errors; those on which the models give different classes come first.

    Args:
        preprocessing: what images went through, to be undone for the pictures.
        keep: how many.
    """

    def __init__(self, preprocessing: Preprocessing, keep: int = KEEP) -> None:
        self._preprocessing, self._keep = preprocessing, keep
        self._heap: list[tuple[bool, float, int, WorstSample]] = []
        self._seen = 0

    def add(self, batch: Batch, a: NDArray[Any], b: NDArray[Any], *, classes: bool) -> None:
        """Take in one batch.

        Args:
            batch: what was run.
            a: the first model's output, batch first.
            b: the second model's.
            classes: whether the output holds class scores.
        """
        first = a.reshape(len(a), -1).astype(np.float64)
        second = b.reshape(len(b), -1).astype(np.float64)
        lengths = np.maximum(np.linalg.norm(first, axis=1), np.finfo(np.float64).tiny)
        errors = np.linalg.norm(first - second, axis=1) / lengths
        for row, error in enumerate(errors[: batch.size]):
            answers = (int(first[row].argmax()), int(second[row].argmax())) if classes else ()
            rank = (len(set(answers)) == 2, float(error))
            self._seen += 1
            if error and (len(self._heap) < self._keep or rank > self._heap[0][:2]):
                label = None if batch.labels is None else int(batch.labels[row])
                picture = self._thumbnail(batch, row)
                entry = (*rank, -self._seen, WorstSample(batch.names[row], label, answers, float(error), picture))
                (heapq.heappushpop if len(self._heap) == self._keep else heapq.heappush)(self._heap, entry)

    def result(self) -> tuple[WorstSample, ...]:
        """The samples kept, the worst first."""
        return tuple(entry[3] for entry in sorted(self._heap, reverse=True))

    def _thumbnail(self, batch: Batch, row: int) -> str:
        tensor = batch.inputs.get(self._preprocessing.input)
        if tensor is None or tensor.ndim != 4 or tensor.shape[1] not in {1, 3}:
            return ""
        image = to_image(tensor[row].astype(np.float32), self._preprocessing)
        image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        stream = io.BytesIO()
        image.save(stream, format="JPEG", quality=80)
        return base64.b64encode(stream.getvalue()).decode()
