"""Average precision of detectors, and what a sample of images says about the difference between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Boxes
from .detections import Detections, overlaps

COCO_OVERLAPS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
"""The mean over these is COCO's own figure."""


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """All detections of one class on all images, best first.

    Attributes:
        images: on which image each was made (n,).
        hits: whether each found an object not found before, at each overlap asked for (overlaps, n).
        objects: how many there are to be found on each image (images,).
    """

    images: NDArray[np.int64]
    hits: NDArray[np.bool_]
    objects: NDArray[np.int64]

    def precision(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average precision at each overlap (overlaps,).

        The area under the curve of precision over recall, precision made monotonous, at all points of recall
        (Everingham et al.: The PASCAL Visual Object Classes Challenge, from 2010 on).

        Args:
            weights: how often each image counts (images,).
        """
        counted = self.hits * weights[self.images]
        made = np.cumsum(weights[self.images])
        precision = np.cumsum(counted, axis=1) / np.maximum(made, np.finfo(np.float64).tiny)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return np.asarray((envelope * counted).sum(axis=1) / (self.objects * weights).sum())


def match(found: Sequence[Detections], wanted: Sequence[Boxes], least: Sequence[float]) -> list[ClassMatches]:
    """Give each detection, best first, the object of its class that it overlaps most and that is still free.

    Args:
        found: on each image.
        wanted: on each image.
        least: overlaps from which on an object counts as found.

    Returns:
        One for each class that is wanted anywhere.
    """
    classes = np.unique(np.concatenate([boxes[:, 0] for boxes in wanted])) if wanted else np.empty(0)
    return [_match_class(float(label), found, wanted, least) for label in classes]


def mean_average_precision(
    matches: Sequence[ClassMatches], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The mean over all classes that have objects, at each overlap (overlaps,)."""
    given = np.ones(len(matches[0].objects)) if weights is None else weights
    present = [one for one in matches if (one.objects * given).any()]
    return np.asarray(np.mean([one.precision(given) for one in present], axis=0))


def _match_class(
    label: float, found: Sequence[Detections], wanted: Sequence[Boxes], least: Sequence[float]
) -> ClassMatches:
    mine = [rows[rows[:, 0] == label] for rows in found]
    theirs = [boxes[boxes[:, 0] == label, 1:] for boxes in wanted]
    images = np.repeat(np.arange(len(mine)), [len(rows) for rows in mine])
    hits = [_hits(overlaps(rows[:, 2:], boxes), least) for rows, boxes in zip(mine, theirs, strict=True)]
    order = np.argsort(-np.concatenate([rows[:, 1] for rows in mine]), kind="stable")
    return ClassMatches(
        images[order], np.concatenate(hits, axis=1)[:, order], np.array([len(boxes) for boxes in theirs], np.int64)
    )


def _hits(shared: NDArray[np.float64], least: Sequence[float]) -> NDArray[np.bool_]:
    """Whether each detection finds a free object at each of the overlaps (overlaps, n), from their overlaps (n, m)."""
    hits = np.zeros((len(least), len(shared)), np.bool_)
    if not shared.shape[1]:
        return hits
    for place, limit in enumerate(least):
        free = np.ones(shared.shape[1], np.bool_)
        for index, row in enumerate(shared):
            best = int(np.where(free, row, -1).argmax())
            if free[best] and row[best] >= limit:
                hits[place, index], free[best] = True, False
    return hits
