"""Top-1 and top-5 accuracy, agreement and divergence of classifiers, gathered batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .labels import Labels, check_classes
from .statistics import Difference, paired_difference

_LEAST = 2.0**-24
"""Probabilities below this, a float32's resolution, count as this: one rounded to 0 is not infinitely wrong."""


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


class ClassMeter:
    """Remembers which class each model gives each sample, and the rank of the right one.

    Args:
        models: how many there are.
        where: what to call the data in errors.
    """

    def __init__(self, models: int, where: str) -> None:
        self._where = where
        self._answers: list[list[NDArray[np.int64]]] = [[] for _ in range(models)]
        self._ranks: list[list[NDArray[np.int64]]] = [[] for _ in range(models)]
        self._divergence = 0.0
        self._classes = 0

    def add(self, scores: Sequence[NDArray[Any]], labels: Labels | None) -> None:
        """Take in one batch.

        Args:
            scores: of each model, logits or probabilities (B, classes).
            labels: class indices (B,), if known.

        Raises:
            DataError: a label is out of range.
        """
        self._classes = scores[0].shape[1]
        for model, values in enumerate(scores):
            self._answers[model].append(values.argmax(axis=1).astype(np.int64))
            if labels is not None:
                check_classes(labels, values.shape[1], self._where)
                self._ranks[model].append(label_ranks(values, labels))
        if len(scores) == 2:
            self._divergence += divergence(scores[0], scores[1])

    def accuracies(self) -> tuple[Accuracy | None, ...]:
        """Of each model over all labelled samples; None without labels."""
        return tuple(
            Accuracy(_percent(_hits(ranks, 1)), _percent(_hits(ranks, 5)) if self._classes > 5 else None)
            if ranks
            else None
            for ranks in self._ranks
        )

    def agreement(self) -> Agreement | None:
        """Of two models; None for one, or before the first batch."""
        if len(self._answers) != 2 or not self._answers[0]:
            return None
        a, b = (np.concatenate(answers) for answers in self._answers)
        return Agreement(_percent(a == b), max(0.0, self._divergence / len(a)))

    def differences(self) -> tuple[Difference, ...]:
        """Of the second model's accuracies from the first's; empty without labels or for one model."""
        if len(self._ranks) != 2 or not self._ranks[0]:
            return ()
        return tuple(
            paired_difference(name, "points", _shares(self._ranks[0], k), _shares(self._ranks[1], k))
            for name, k in (("top-1 accuracy", 1), ("top-5 accuracy", 5))[: 2 if self._classes > 5 else 1]
        )


def divergence(reference: NDArray[Any], other: NDArray[Any]) -> float:
    """Kullback-Leibler divergence of `other` from `reference`, both (B, classes), summed over the samples, in nats.

    The reference says whether scores are probabilities or logits; a quantized model's need not sum to 1 exactly.
    """
    given = bool((reference >= 0).all()) and np.allclose(reference.sum(axis=1), 1, atol=1e-3)
    p, q = (_normalized(scores.astype(np.float64)) if given else softmax(scores) for scores in (reference, other))
    return float((p * np.log(np.maximum(p, _LEAST) / np.maximum(q, _LEAST))).sum())


def _normalized(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    positive = np.maximum(probabilities, 0)
    return np.asarray(positive / np.maximum(positive.sum(axis=1, keepdims=True), _LEAST))


def label_ranks(scores: NDArray[Any], labels: Labels) -> NDArray[np.int64]:
    """How many classes stand before each label (B,); ties go to the lower class index, as `argmax` has it."""
    own = scores[np.arange(len(labels)), labels][:, None]
    before = np.arange(scores.shape[1])[None] < labels[:, None]
    ranks: NDArray[np.int64] = ((scores > own) | ((scores == own) & before)).sum(axis=1, dtype=np.int64)
    return ranks


def softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities from logits (B, classes)."""
    values = scores.astype(np.float64)
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def class_scores(value: NDArray[Any]) -> NDArray[Any] | None:
    """An output as scores (B, classes), if it is (B, classes) or (B, classes, 1, 1); else None."""
    if value.ndim >= 2 and value.shape[1] > 1 and all(size == 1 for size in value.shape[2:]):
        return value.reshape(value.shape[:2])
    return None


def _hits(ranks: Sequence[NDArray[np.int64]], k: int) -> NDArray[np.bool_]:
    """For every sample, whether its label is among the k highest scores."""
    return np.concatenate(ranks) < k


def _shares(ranks: Sequence[NDArray[np.int64]], k: int) -> NDArray[np.float64]:
    """What every sample contributes to the accuracy in percent: 0 or 100."""
    return np.where(_hits(ranks, k), 100.0, 0.0)


def _percent(hits: NDArray[np.bool_]) -> float:
    return 100 * float(hits.mean())
