"""Top-1 and top-5 accuracy, agreement and divergence of classifiers, gathered batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .labels import Labels, check_classes


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One model on labelled data.

    Attributes:
        top1: share of samples whose label has the highest score, in percent.
        top5: share of samples whose label is among the five highest, in percent; None below six classes.
    """

    top1: float
    top5: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two models on the same data, labelled or not.

    Attributes:
        top1: share of samples that both give the same class, in percent.
        kl: Kullback-Leibler divergence of the second model's class probabilities from the first's, mean, in nats.
    """

    top1: float
    kl: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What is remembered of a model's answers: per sample, whether the label was found, and the class given."""

    answers: NDArray[np.int64]
    hits1: NDArray[np.bool_]
    hits5: NDArray[np.bool_]
    classes: int

    def accuracy(self) -> Accuracy | None:
        """Over all labelled samples; None without labels."""
        if not self.hits1.size:
            return None
        return Accuracy(100 * float(self.hits1.mean()), 100 * float(self.hits5.mean()) if self.classes > 5 else None)


class ScoreMeter:
    """Remembers one model's answers.

    Args:
        where: what to call the data in errors.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._answers: list[NDArray[np.int64]] = []
        self._ranks: list[NDArray[np.int64]] = []
        self._classes = 0

    def add(self, scores: NDArray[Any], labels: Labels | None) -> None:
        """Take in one batch.

        Args:
            scores: logits or probabilities (B, classes).
            labels: class indices (B,), if known.

        Raises:
            DataError: a label is out of range.
        """
        self._classes = scores.shape[1]
        self._answers.append(scores.argmax(axis=1).astype(np.int64))
        if labels is not None:
            check_classes(labels, self._classes, self._where)
            self._ranks.append(label_ranks(scores, labels))

    def result(self) -> Scores:
        """The answers to all samples so far."""
        ranks = np.concatenate(self._ranks) if self._ranks else np.empty(0, np.int64)
        return Scores(np.concatenate(self._answers), ranks < 1, ranks < 5, self._classes)


class DivergenceMeter:
    """Sums the Kullback-Leibler divergence of one model's class probabilities from another's."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._samples = 0

    def add(self, reference: NDArray[Any], other: NDArray[Any]) -> None:
        """Take in one batch of both models' scores, logits or probabilities (B, classes)."""
        p, q = as_probabilities(reference), as_probabilities(other)
        tiny = np.finfo(np.float32).tiny
        self._sum += float((p * (np.log(np.maximum(p, tiny)) - np.log(np.maximum(q, tiny)))).sum())
        self._samples += len(p)

    def result(self) -> float:
        """The mean over all samples so far, in nats."""
        return max(0.0, self._sum / self._samples) if self._samples else 0.0


def agreement(a: Scores, b: Scores, divergence: DivergenceMeter) -> Agreement:
    """How often both give the same class, and how far their probabilities lie apart."""
    return Agreement(100 * float((a.answers == b.answers).mean()), divergence.result())


def label_ranks(scores: NDArray[Any], labels: Labels) -> NDArray[np.int64]:
    """How many classes stand before each label (B,); ties go to the lower class index, as `argmax` has it."""
    own = scores[np.arange(len(labels)), labels][:, None]
    before = np.arange(scores.shape[1])[None] < labels[:, None]
    ranks: NDArray[np.int64] = ((scores > own) | ((scores == own) & before)).sum(axis=1, dtype=np.int64)
    return ranks


def as_probabilities(scores: NDArray[Any]) -> NDArray[np.float64]:
    """The softmax of logits; scores that are probabilities already stay."""
    values = scores.astype(np.float64)
    if (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return values
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def class_scores(value: NDArray[Any]) -> NDArray[Any] | None:
    """An output as scores (B, classes), if it is (B, classes) or (B, classes, 1, 1); else None."""
    if value.ndim >= 2 and value.shape[1] > 1 and all(size == 1 for size in value.shape[2:]):
        return value.reshape(value.shape[:2])
    return None
