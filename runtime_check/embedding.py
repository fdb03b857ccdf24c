"""Embeddings, of faces say: how far two models' vectors turn from one another, how well they tell identities apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .labels import Labels
from .pairs import Pairs
from .quality import Quality
from .statistics import Difference, paired_difference

MOST_PAIRS = 20_000


class EmbeddingMeter:
    """Gathers the vectors of one model or two, in float32.

    Args:
        models: how many there are.
        pairs: of samples to be verified; without them they are drawn from the labels.
    """

    def __init__(self, models: int, pairs: Pairs | None = None) -> None:
        self._pairs = pairs
        self._names: list[str] = []
        self._vectors: list[list[NDArray[np.float32]]] = [[] for _ in range(models)]
        self._labels: list[Labels] = []

    def add(self, vectors: Sequence[NDArray[Any]], labels: Labels | None, names: Sequence[str]) -> None:
        """Take in one batch: of each model (B, D); the identity of each sample, if known, and its name."""
        self._names += names
        for kept, given in zip(self._vectors, vectors, strict=True):
            lengths = np.linalg.norm(given, axis=1, keepdims=True)
            kept.append((given / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32))
        if labels is not None:
            self._labels.append(labels)

    def qualities(self) -> tuple[Quality, ...]:
        """Cosines between the models, and the accuracy of verification."""
        found = []
        if len(self._vectors) == 2 and self._vectors[0]:
            a, b = (np.concatenate(vectors) for vectors in self._vectors)
            cosines = (a * b).sum(axis=1, dtype=np.float64)
            found.append(Quality("cosine to the first model, mean", "", (float(cosines.mean()),)))
            found.append(Quality("cosine to the first model, lowest", "", (float(cosines.min()),)))
        verified = self._verified()
        if verified:
            found.append(Quality("verification accuracy", "%", tuple(100 * float(hits.mean()) for hits in verified)))
        return tuple(found)

    def differences(self) -> tuple[Difference, ...]:
        """Of the second model's verification accuracy from the first's."""
        verified = self._verified()
        if len(verified) != 2:
            return ()
        a, b = (np.where(hits, 100.0, 0.0) for hits in verified)
        return (paired_difference("verification accuracy", "points", a, b),)

    def _verified(self) -> list[NDArray[np.bool_]]:
        """For each model, which pairs of samples it tells to be of one identity or of two; empty without such pairs."""
        if self._pairs is not None and self._names:
            first, second, same = self._pairs.indices(self._names)
        elif self._labels:
            first, second, same = verification_pairs(np.concatenate(self._labels))
        else:
            return []
        if not same.any() or same.all():
            return []
        vectors = [np.concatenate(kept) for kept in self._vectors]
        return [verify((v[first] * v[second]).sum(axis=1), same) for v in vectors]


def verification_pairs(labels: Labels, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs of samples of one identity, at most 20,000, and as many of two, chosen by `seed`.

    Returns:
        Indices of the first and the second samples, and whether they are of one identity.
    """
    rng = np.random.default_rng(seed)
    by_identity = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    pairs = [np.stack(np.triu_indices(len(members), 1)) for members in by_identity]
    alike = np.concatenate([members[pair] for members, pair in zip(by_identity, pairs, strict=True)], axis=1)
    alike = alike[:, rng.permutation(alike.shape[1])[:MOST_PAIRS]]
    drawn = rng.integers(0, len(labels), (2, 20 * alike.shape[1]))
    unlike = drawn[:, labels[drawn[0]] != labels[drawn[1]]][:, : alike.shape[1]]
    both = np.concatenate([alike, unlike], axis=1)
    return both[0], both[1], np.arange(both.shape[1]) < alike.shape[1]


def verify(cosines: NDArray[Any], same: NDArray[np.bool_], folds: int = 10) -> NDArray[np.bool_]:
    """Which pairs are told right, each by the threshold that is best on the other folds (the protocol of LFW)."""
    fold = np.arange(len(same)) % folds
    right = np.zeros(len(same), np.bool_)
    for index in range(folds):
        others = fold != index
        right[~others] = (cosines[~others] >= _best_threshold(cosines[others], same[others])) == same[~others]
    return right


def _best_threshold(cosines: NDArray[Any], same: NDArray[np.bool_]) -> float:
    """The cosine from which on pairs are best called the same."""
    order = np.argsort(-cosines)
    right = np.cumsum(np.where(same[order], 1, -1))
    return float(cosines[order[int(right.argmax())]])
