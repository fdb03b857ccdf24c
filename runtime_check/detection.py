"""Detectors: mean average precision against given boxes, and how far two models' detections agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .average_precision import COCO_OVERLAPS, ClassMatches, match, mean_average_precision
from .boxes import Boxes
from .detections import Detections
from .quality import Quality
from .statistics import CONFIDENCE, Difference

CERTAIN = 0.5
"""Score from which a detection counts as an answer, where two models' answers are compared."""

_RESAMPLES = 1000


class DetectionMeter:
    """Gathers the detections of one model or two.

    Args:
        models: how many there are.
        least_overlap: from which on an object counts as found.
    """

    def __init__(self, models: int, least_overlap: float = 0.5) -> None:
        self._overlap = least_overlap
        self._found: list[list[Detections]] = [[] for _ in range(models)]
        self._wanted: list[Boxes] = []

    def add(self, found: Sequence[Sequence[Detections]], wanted: Sequence[Boxes] | None) -> None:
        """Take in one batch: the detections of each model on each sample, and what there is to be found, if known."""
        for kept, given in zip(self._found, found, strict=True):
            kept.extend(given)
        self._wanted += wanted or ()

    def qualities(self) -> tuple[Quality, ...]:
        """Mean average precision at the overlap, and the mean over COCO's ten; and the first model's as the truth."""
        figures = []
        if any(len(boxes) for boxes in self._wanted):
            own = [100 * float(mean_average_precision(matches)[0]) for matches in self._matches([self._overlap])]
            coco = [100 * float(mean_average_precision(matches).mean()) for matches in self._matches(COCO_OVERLAPS)]
            figures.append(Quality(self._name, "%", tuple(own)))
            figures.append(Quality("mAP at IoU 0.5 to 0.95", "%", tuple(coco)))
        if len(self._found) == 2 and any(len(certain(rows)) for rows in self._found[0]):
            wanted = [certain(rows)[:, [0, 2, 3, 4, 5]] for rows in self._found[0]]
            agreed = mean_average_precision(match(self._found[1], wanted, [self._overlap]))
            figures.append(Quality("mAP against the first model's detections", "%", (100 * float(agreed[0]),)))
        return tuple(figures)

    def differences(self) -> tuple[Difference, ...]:
        """Of the second model's mAP from the first's: bootstrap over images, the same ones for both."""
        if len(self._found) != 2 or not any(len(boxes) for boxes in self._wanted):
            return ()
        first, second = self._matches([self._overlap])
        rng = np.random.default_rng(0)
        images = len(self._wanted)
        drawn = rng.multinomial(images, np.full(images, 1 / images), _RESAMPLES).astype(np.float64)
        seen = [weights for weights in drawn if any((one.objects * weights).any() for one in first)]
        changes = [_change(first, second, weights) for weights in seen]
        low, high = np.quantile(changes, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return (Difference(self._name, "points", _change(first, second), float(low), float(high), images),)

    @property
    def _name(self) -> str:
        return f"mAP at IoU {self._overlap:g}"

    def _matches(self, least: Sequence[float]) -> list[list[ClassMatches]]:
        return [match(found, self._wanted, least) for found in self._found]


def certain(rows: Detections) -> Detections:
    """Those with a score of at least 0.5."""
    return rows[rows[:, 1] >= CERTAIN]


def disagreement(a: Detections, b: Detections) -> float:
    """1 - F1 of the certain detections of one model against those of another on the same sample; 0 without any."""
    mine, theirs = certain(a)[:, [0, 2, 3, 4, 5]], certain(b)
    if not len(mine) and not len(theirs):
        return 0.0
    hits = sum(int(one.hits.sum()) for one in match([theirs], [mine], [0.5]))
    return 1 - 2 * hits / (len(mine) + len(theirs))


def _change(
    first: Sequence[ClassMatches], second: Sequence[ClassMatches], weights: NDArray[np.float64] | None = None
) -> float:
    """In points."""
    return 100 * float(mean_average_precision(second, weights)[0] - mean_average_precision(first, weights)[0])
