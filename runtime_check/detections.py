"""What a detector found, whatever its outputs look like: one array (n, 6) of class, score, corners for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Detections = NDArray[np.float64]
"""(n, 6): class, score, left, top, right, bottom; corners as fractions of the input, best score first."""

SUPPRESSION_OVERLAP = 0.45
"""Of SSD (Liu et al., 2016): of two boxes of a class that overlap by more, the one with the lower score goes."""

MOST_PER_SAMPLE = 200
MOST_CANDIDATES = 1000
LEAST_SCORE = 0.01

_PIXELS = 4.0
"""Corners beyond this are no fractions of the input."""

Kind = Literal["rows", "rows of a batch", "scores", "labels"]


@dataclass(frozen=True, slots=True)
class DetectionOutputs:
    """Which of a model's outputs hold its detections.

    Attributes:
        kind: 'rows': (B, N, 6) of class, score, corners, as MXNet's MultiBoxDetection gives; 'rows of a batch':
            (1, 1, N, 7) of sample, class, score, corners, as Caffe's DetectionOutput gives; 'scores': corners (B, N, 4)
            and a score (B, N, classes) for each class, before suppression; 'labels': corners (B, N, 4), scores and
            classes (B, N) or (B, N, 1), or the same without B.
        boxes: the output with the corners.
        scores: the output with the scores.
        labels: the output with the classes.
    """

    kind: Kind
    boxes: str
    scores: str = ""
    labels: str = ""


def find_detections(outputs: Mapping[str, NDArray[Any]]) -> DetectionOutputs | None:
    """The outputs of one batch that hold detections, or None."""
    for name, value in outputs.items():
        if value.ndim == 3 and value.shape[2] == 6:
            return DetectionOutputs("rows", name)
        if value.ndim == 4 and value.shape[:2] == (1, 1) and value.shape[3] == 7:
            return DetectionOutputs("rows of a batch", name)
    for boxes, corners in outputs.items():
        if corners.ndim in {2, 3} and corners.shape[-1] == 4:
            others = [name for name in outputs if name != boxes and _per_box(outputs[name], corners)]
            flat = [name for name in others if _is_flat(outputs[name], corners)]
            whole = _is_integer if corners.ndim == 2 else _is_whole
            labels = next((name for name in flat if len(flat) == 2 and whole(outputs[name])), None)
            if labels is not None:
                return DetectionOutputs("labels", boxes, next(name for name in flat if name != labels), labels)
            if corners.ndim == 3 and others:
                return DetectionOutputs("scores", boxes, others[0])
    return None


def read_detections(
    outputs: Mapping[str, NDArray[Any]],
    layout: DetectionOutputs,
    samples: int,
    input_size: tuple[int, int],
    overlap: float = SUPPRESSION_OVERLAP,
) -> list[Detections]:
    """The detections of every sample of a batch.

    Args:
        outputs: of the batch, by name.
        layout: what `find_detections` says of them.
        samples: how many there are.
        input_size: height and width of the input; corners may be in its pixels.
        overlap: for the suppression of models that leave it to their users.
    """
    boxes = outputs[layout.boxes].astype(np.float64)
    if layout.kind == "rows":
        found = [boxes[index] for index in range(samples)]
    elif layout.kind == "rows of a batch":
        rows = boxes.reshape(-1, 7)
        found = [rows[rows[:, 0] == index, 1:] for index in range(samples)]
    elif layout.kind == "labels":
        parts = [outputs[name].reshape(samples, -1, 1) for name in (layout.labels, layout.scores)]
        found = list(np.concatenate([*parts, boxes.reshape(samples, -1, 4)], axis=2, dtype=np.float64))
    else:
        scores = outputs[layout.scores].astype(np.float64)
        found = [_suppressed(boxes[index], scores[index], overlap) for index in range(samples)]
    return [_ranked(rows, input_size) for rows in found]


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of the corners a (n, 4) and b (m, 4)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(one[:, 2:] - one[:, :2], 0, None), axis=1) for one in (a, b)]
    shared: NDArray[np.float64] = common / np.maximum(
        areas[0][:, None] + areas[1][None] - common, np.finfo(np.float64).tiny
    )
    return shared


def _per_box(value: NDArray[Any], corners: NDArray[Any]) -> bool:
    return _is_flat(value, corners) or (value.ndim == 3 and value.shape[:2] == corners.shape[:2])


def _is_flat(value: NDArray[Any], corners: NDArray[Any]) -> bool:
    """Whether it holds one number for each box."""
    return value.shape in {corners.shape[:-1], (*corners.shape[:-1], 1)}


def _is_integer(value: NDArray[Any]) -> bool:
    return bool(np.issubdtype(value.dtype, np.integer))


def _is_whole(value: NDArray[Any]) -> bool:
    return _is_integer(value) or bool(value.size and (value % 1 == 0).all())


def _ranked(rows: NDArray[np.float64], input_size: tuple[int, int]) -> Detections:
    """Without empty places, corners as fractions, best first."""
    rows = rows[(rows[:, 0] >= 0) & (rows[:, 1] > 0)]
    rows = rows[np.argsort(-rows[:, 1], kind="stable")][:MOST_PER_SAMPLE]
    if np.abs(rows[:, 2:]).max(initial=0) > _PIXELS:
        height, width = input_size
        rows[:, 2:] /= (width, height, width, height)
    return rows


def _suppressed(corners: NDArray[np.float64], scores: NDArray[np.float64], overlap: float) -> NDArray[np.float64]:
    """(n, 6) from corners (N, 4) and scores (N, classes) of one sample.

    Where each box's scores sum to 1, the first class is the background and is left out.
    """
    background = scores.shape[1] > 1 and np.allclose(scores.sum(axis=1), 1, atol=1e-3)
    kept = [np.empty((0, 6))]
    for label in range(int(background), scores.shape[1]):
        order = np.argsort(-scores[:, label], kind="stable")[:MOST_CANDIDATES]
        order = order[scores[order, label] > LEAST_SCORE]
        order = order[_survivors(corners[order], overlap)]
        kept.append(np.column_stack([np.full(len(order), label), scores[order, label], corners[order]]))
    return np.concatenate(kept)


def _survivors(corners: NDArray[np.float64], overlap: float) -> NDArray[np.bool_]:
    """Which boxes are left, given best first, when each that is left takes away those that overlap it."""
    left = np.ones(len(corners), np.bool_)
    for index in range(len(corners)):
        if left[index]:
            behind = np.flatnonzero(left[index + 1 :]) + index + 1
            left[behind] = overlaps(corners[index : index + 1], corners[behind])[0] <= overlap
    return left
