"""The figures of a task, gathered batch by batch from the outputs of one model or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..errors import DataError, ModelError
from .accuracy import ClassMeter, class_scores
from .data import Batch, Dataset
from .detection import DetectionMeter, certain, disagreement
from .detections import SUPPRESSION_OVERLAP, Detections, find_detections, read_detections
from .embedding import EmbeddingMeter
from .image_quality import ImageMeter
from .images import from_pixels
from .labels import check_classes
from .pairs import Pairs
from .quality import Quality
from .statistics import Difference
from .task import Task, find_output, guess_task, peak_of
from .worst import Answers, PictureMaker, relative_errors

Outputs = dict[str, NDArray[Any]]

_BOX_COLOUR = (255, 64, 64)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How outputs are judged.

    Attributes:
        task: what the models are for; None guesses.
        pairs: of images, for the verification of embeddings.
        least_overlap: intersection over union from which on a detector has found an object.
        suppression_overlap: for the suppression of detectors that leave it to their users.
    """

    task: Task | None = None
    pairs: Pairs | None = None
    least_overlap: float = 0.5
    suppression_overlap: float = SUPPRESSION_OVERLAP


class Judge:
    """The meters of all tasks; only those of the models' task are given anything.

    Args:
        evaluation: the task, and what it needs.
        outputs: of the first batch, for each model.
        data: for its name, and for what is known about it.

    Raises:
        DataError: no output fits the task, or a label is out of range.
    """

    def __init__(self, evaluation: Evaluation, outputs: Sequence[Outputs], data: Dataset) -> None:
        self._evaluation, self._input = evaluation, data.preprocessing.input
        self.task, self.output = _choose(evaluation, outputs[0], data)
        self.classes = ClassMeter(len(outputs), data.description)
        self.embeddings = EmbeddingMeter(len(outputs), evaluation.pairs)
        self.images = ImageMeter(len(outputs), peak_of(outputs[0][self.output]))
        self.detections = DetectionMeter(len(outputs), evaluation.least_overlap)
        self._layout = find_detections(outputs[0])
        if self.task == "classification" and data.labels is not None:
            check_classes(data.labels, outputs[0][self.output].shape[1], data.description)

    def add(self, outputs: Sequence[Outputs], batch: Batch) -> Answers:
        """Take in one batch, and tell how far the models' answers lie apart."""
        judged = [output[self.output] for output in outputs]
        if self.task == "detection":
            return self._add_detections(outputs, batch)
        if self.task == "image":
            self.images.add(judged, batch.targets)
            return Answers(_errors(judged), pictures=self._show_images(judged))
        if self.task == "embedding":
            self.embeddings.add([_scores(value, self.output) for value in judged], batch.labels, batch.names)
        if self.task == "classification":
            scores = [_scores(value, self.output) for value in judged]
            self.classes.add(scores, batch.labels)
            classes = np.stack([one.argmax(axis=1) for one in scores], axis=1).tolist()
            return Answers(_errors(judged), [tuple(row) for row in classes])
        return Answers(_errors(judged))

    def qualities(self) -> tuple[Quality, ...]:
        """Figures of tasks besides classification."""
        return (*self.images.qualities(), *self.embeddings.qualities(), *self.detections.qualities())

    def differences(self) -> tuple[Difference, ...]:
        """Of the second model's accuracy or quality from the first's."""
        meters = (self.classes, self.images, self.embeddings, self.detections)
        return tuple(difference for meter in meters for difference in meter.differences())

    def _add_detections(self, outputs: Sequence[Outputs], batch: Batch) -> Answers:
        assert self._layout is not None, "the task would not be detection"
        image = batch.inputs.get(self._input)
        height, width = (1, 1) if image is None else image.shape[-2:]
        overlap = self._evaluation.suppression_overlap
        found = [read_detections(one, self._layout, batch.size, (height, width), overlap) for one in outputs]
        self.detections.add(found, batch.boxes)
        errors = [disagreement(a, b) for a, b in zip(found[0], found[-1], strict=True)]
        return Answers(np.array(errors), pictures=lambda image, row: tuple(_drawn(image, one[row]) for one in found))

    def _show_images(self, images: Sequence[NDArray[Any]]) -> PictureMaker:
        """What the models made, as pictures."""
        factor = 255 / peak_of(images[0])
        return lambda _, row: tuple(
            from_pixels((image[row].transpose(1, 2, 0) * factor).clip(0, 255).astype(np.uint8)) for image in images
        )


def _choose(evaluation: Evaluation, outputs: Outputs, data: Dataset) -> tuple[Task, str]:
    """The task, and the output that counts for it; where identities are far more than scores, these are vectors."""
    known: Task | None = "detection" if data.has_boxes else "embedding" if evaluation.pairs else None
    task = evaluation.task or known
    if task is None:
        guess, output = guess_task(outputs)
        if guess == "classification" and data.labels is not None:
            guess = "embedding" if len(np.unique(data.labels)) > 2 * outputs[output].shape[1] else guess
        return guess, output
    if task == "none":
        return task, next(iter(outputs))
    found = find_output(task, outputs)
    if found is None:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in outputs.items())
        raise DataError(f"--task {task}: none of the outputs fits: {shapes}; give another task, or none")
    return task, found


def _errors(judged: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    return relative_errors(judged[0], judged[-1])


def _scores(value: NDArray[Any], name: str) -> NDArray[Any]:
    scores = class_scores(value)
    if scores is None:
        raise ModelError(f"output '{name}': vectors in one batch and {value.shape} in another")
    return scores


def _drawn(picture: Image.Image | None, rows: Detections) -> Image.Image:
    """A copy of the picture with a box around everything that was found with certainty."""
    copy = Image.new("RGB", (128, 128)) if picture is None else picture.convert("RGB")
    pen = ImageDraw.Draw(copy)
    for corners in certain(rows)[:, 2:] * (*copy.size, *copy.size):
        low, high = np.minimum(corners[:2], corners[2:]), np.maximum(corners[:2], corners[2:])
        pen.rectangle((*low.tolist(), *high.tolist()), outline=_BOX_COLOUR, width=max(2, max(copy.size) // 48))
    return copy
