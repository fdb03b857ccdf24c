"""What a rewrite lost, in the figure that the data allows: accuracy, agreement with the original, or error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
import scipy.special
from numpy.typing import NDArray

from ..errors import DataError
from ..runtime_check.accuracy import class_scores
from ..runtime_check.session import Session
from ..runtime_check.task import guess_task
from .calibration import Labelled
from .graph import to_parts

Outputs = Mapping[str, NDArray[np.generic]]

_LEAST_ACCURACY = 0.1
"""Labels that the original model gets right less often than this are those of other classes."""


@dataclass(frozen=True, slots=True)
class Drop:
    """What was lost, in points: percent of the images, or percent of the output's norm.

    Attributes:
        figure: what was measured.
        before: of the original, in percent.
        after: of the rewritten network, in percent.
        samples: images that it was measured on.
        expected: points of accuracy lost, as the original's own probabilities make expect; 0 for the other figures.
    """

    figure: str
    before: float
    after: float
    samples: int
    expected: float = 0.0

    @property
    def points(self) -> float:
        """What may not be larger than a bound.

        Of accuracy, the larger of what was counted and what is to be expected: of a hundred images or two, the count
        may rise by luck while classes change that were right, and a search for the cheapest network finds such luck.
        """
        return abs(self.after) if self.figure == RELATIVE_ERROR else max(self.before - self.after, self.expected)

    def __str__(self) -> str:
        """For reports."""
        told = f"{self.figure} {self.before:.2f} -> {self.after:.2f} % on {self.samples} samples"
        return f"{told}, {self.expected:.2f} points of it lost to be expected" if self.figure == TOP1 else told


TOP1 = "top-1 accuracy"
AGREEMENT = "top-1 agreement"
RELATIVE_ERROR = "relative error of the output"


class Judge:
    """Compares networks with an original on batches that they were not fitted to.

    Where the original classifies and the data has labels that it gets right, the figure is top-1 accuracy; where it
    classifies, the share of images that keep their class; else the L2 norm of the error over that of the outputs.

    Args:
        original: the network to compare with.
        batches: the images, with labels or without.

    Raises:
        DataError: there are no images.
    """

    def __init__(self, original: gs.Graph, batches: Iterable[Labelled]) -> None:
        self._batches = list(batches)
        if not self._batches:
            raise DataError("there are no images to judge a rewrite on; give more --data")
        self.samples = sum(batch.size for batch in self._batches)
        self._reference = self._run(original)
        task, name = guess_task(self._reference[0])
        self._scores = name if task == "classification" else None
        self._labels = self._usable_labels()

    def __call__(self, graph: gs.Graph) -> Drop:
        """What `graph` lost."""
        outputs = self._run(graph)
        if self._scores is None:
            return Drop(RELATIVE_ERROR, 0.0, 100 * _relative_error(self._reference, outputs), self.samples)
        before, after = self._classes(self._reference), self._classes(outputs)
        if self._labels is None:
            return Drop(AGREEMENT, 100.0, _percent(before == after), self.samples)
        expected = 100 * _expected_loss(self._all_scores(self._reference), before, after)
        return Drop(TOP1, _percent(before == self._labels), _percent(after == self._labels), self.samples, expected)

    def _run(self, graph: gs.Graph) -> list[Outputs]:
        """The outputs for every batch, without those of filling."""
        session = Session(to_parts(graph), optimizations="all")
        return [
            {name: value[: batch.size] for name, value in session.run(batch.feeds).items()} for batch in self._batches
        ]

    def _classes(self, outputs: Sequence[Outputs]) -> NDArray[np.int64]:
        classes: NDArray[np.int64] = self._all_scores(outputs).argmax(axis=1)
        return classes

    def _all_scores(self, outputs: Sequence[Outputs]) -> NDArray[np.float64]:
        """What it says of every image (images, classes)."""
        found = []
        for batch in outputs:
            scores = class_scores(batch[self._scores or ""])
            if scores is None:
                raise DataError(f"output '{self._scores}' is no row of scores for every image of the data")
            found.append(scores.astype(np.float64))
        return np.concatenate(found)

    def _usable_labels(self) -> NDArray[np.int64] | None:
        labels = [batch.labels for batch in self._batches if batch.labels is not None]
        if self._scores is None or len(labels) < len(self._batches):
            return None
        joined = np.concatenate(labels)
        return joined if np.mean(self._classes(self._reference) == joined) >= _LEAST_ACCURACY else None


def _expected_loss(scores: NDArray[np.float64], before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """The accuracy that changed classes cost, if the original is right as often as it says: never negative.

    Args:
        scores: of the original (images, classes), probabilities or logits.
        before: its class of each image.
        after: that of the rewritten network.
    """
    is_distribution = (scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=1e-3)
    probabilities = scores if is_distribution else scipy.special.softmax(scores, axis=1)
    images = np.arange(len(probabilities))
    return float(np.mean(probabilities[images, before] - probabilities[images, after]))


def _relative_error(reference: Sequence[Outputs], outputs: Sequence[Outputs]) -> float:
    error = signal = 0.0
    for wanted, got in zip(reference, outputs, strict=True):
        for name, value in wanted.items():
            if np.issubdtype(value.dtype, np.floating):
                exact = value.astype(np.float64)
                error += float(np.square(exact - got[name].astype(np.float64)).sum())
                signal += float(np.square(exact).sum())
    return float(np.sqrt(error / max(signal, 1e-30)))


def _percent(hits: NDArray[np.bool_]) -> float:
    return 100 * float(hits.mean())
