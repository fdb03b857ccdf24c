"""The samples on which two models differ most, with small pictures of them."""

from __future__ import annotations

import base64
import heapq
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..preprocessing import Preprocessing
from .data import Batch
from .images import to_image

KEEP = 8
THUMBNAIL_PIXELS = 128

PictureMaker = Callable[[Image.Image | None, int], tuple[Image.Image, ...]]
"""Makes pictures of the models' answers from the picture of the input, if it is one, and the sample's row."""


@dataclass(frozen=True, slots=True)
class WorstSample:
    """One sample.

    Attributes:
        name: its file, or `x[17]`.
        label: its class, if known.
        answers: the class that each model gives it; empty without class scores.
        error: L2 norm of the output's error over that of the first model's output; of detectors, 1 - F1 of the second
            model's detections against the first's.
        thumbnail: a JPEG as base64; empty if the input is no image.
        pictures: the same of each model's answer, where that is an image or boxes on one.
    """

    name: str
    label: int | None
    answers: tuple[int, ...]
    error: float
    thumbnail: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """What two models say about one batch.

    Attributes:
        errors: how far their answers lie apart, for each sample (B,).
        classes: those that the models give each sample, if they do.
        pictures: of the answers, where they can be shown.
    """

    errors: NDArray[np.float64]
    classes: Sequence[tuple[int, ...]] = ()
    pictures: PictureMaker | None = None


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

    def add(self, batch: Batch, answers: Answers) -> None:
        """Take in one batch."""
        for row, error in enumerate(answers.errors[: batch.size].tolist()):
            classes = answers.classes[row] if answers.classes else ()
            rank = (len(set(classes)) == 2, error)
            self._seen += 1
            if error and (len(self._heap) < self._keep or rank > self._heap[0][:2]):
                label = None if batch.labels is None else int(batch.labels[row])
                sample = WorstSample(batch.names[row], label, classes, error, *self._pictures(batch, row, answers))
                entry = (*rank, -self._seen, sample)
                (heapq.heappushpop if len(self._heap) == self._keep else heapq.heappush)(self._heap, entry)

    def result(self) -> tuple[WorstSample, ...]:
        """The samples kept, the worst first."""
        return tuple(entry[3] for entry in sorted(self._heap, reverse=True))

    def _pictures(self, batch: Batch, row: int, answers: Answers) -> tuple[str, tuple[str, ...]]:
        """Of the input, if it is an image, and of the models' answers."""
        tensor = batch.inputs.get(self._preprocessing.input)
        image = None
        if tensor is not None and tensor.ndim == 4 and tensor.shape[1] in {1, 3}:
            image = to_image(tensor[row].astype(np.float32), self._preprocessing)
        made = answers.pictures(image, row) if answers.pictures else ()
        return "" if image is None else _thumbnail(image), tuple(map(_thumbnail, made))


def _thumbnail(image: Image.Image) -> str:
    small = image.copy()
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    stream = io.BytesIO()
    small.save(stream, format="JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode()


def relative_errors(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """L2 norm of each sample's error over that of the first model's output (B,)."""
    first, second = (value.reshape(len(value), -1).astype(np.float64) for value in (a, b))
    lengths = np.maximum(np.linalg.norm(first, axis=1), np.finfo(np.float64).tiny)
    return np.asarray(np.linalg.norm(first - second, axis=1) / lengths)
