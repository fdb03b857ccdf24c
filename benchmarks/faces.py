"""Average precision of a face detector on FDDB's annotated pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

F64 = NDArray[np.float64]

LEAST_SCORE = 0.01
SAME_FACE = 0.3
"""Overlap of two detections of which the weaker one goes."""

FOUND = 0.4
"""Overlap at which a detection counts; ellipses are taller than the boxes that detectors learn."""


def annotated_pictures(folder: Path) -> Iterator[tuple[Image.Image, F64]]:
    """Pictures, each with the bounding boxes (left, top, right, bottom) of its face ellipses (faces, 4)."""
    lines = iter((folder / "ellipseList.txt").read_text().splitlines())
    for name in filter(str.strip, lines):
        boxes = []
        for _ in range(int(next(lines))):
            major, minor, angle, x, y = map(float, next(lines).split()[:5])
            width = np.hypot(major * np.cos(angle), minor * np.sin(angle))
            height = np.hypot(major * np.sin(angle), minor * np.cos(angle))
            boxes.append((x - width, y - height, x + width, y + height))
        path = next((folder / "images" / name).parent.glob(f"{Path(name).name}.*"))
        yield Image.open(path).convert("RGB"), np.array(boxes)


def average_precision(pictures: Sequence[tuple[F64, F64, F64]]) -> float:
    """Area under precision over recall of (scores (n,), corner boxes (n, 4), true boxes) per picture."""
    rows: list[tuple[float, bool]] = []
    faces = 0
    for scores, boxes, truth in pictures:
        rows += _judged(*_suppressed(scores, boxes), truth)
        faces += len(truth)
    hits = np.array([hit for _, hit in sorted(rows, key=lambda row: -row[0])])
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hits).sum() / faces)


def _overlap(box: F64, boxes: F64) -> F64:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    ratio: F64 = common / (np.prod(box[2:] - box[:2]) + areas - common)
    return ratio


def _suppressed(scores: F64, boxes: F64) -> tuple[F64, F64]:
    chosen = np.flatnonzero(scores > LEAST_SCORE)
    order = chosen[np.argsort(-scores[chosen], kind="stable")]
    kept = []
    while len(order):
        kept.append(order[0])
        order = order[1:][_overlap(boxes[order[0]], boxes[order[1:]]) <= SAME_FACE]
    return scores[kept], boxes[kept]


def _judged(scores: F64, boxes: F64, truth: F64) -> list[tuple[float, bool]]:
    """Each detection's score, and whether it is a face not found before."""
    free, rows = np.ones(len(truth), bool), []
    for score, box in zip(scores, boxes, strict=True):
        overlaps = np.where(free, _overlap(box, truth), 0)
        hit = bool(len(truth)) and overlaps.max() >= FOUND
        if hit:
            free[overlaps.argmax()] = False
        rows.append((float(score), bool(hit)))
    return rows
