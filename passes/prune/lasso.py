"""`--criterion lasso`: the channels whose contributions a LASSO keeps.

He, Zhang and Sun, *Channel pruning for accelerating very deep neural networks*, 2017, section 3.1: with z_i the
response that channel i alone brings about, minimize 1/2 |y - sum b_i z_i|^2 + a |b|_1. The whole path over a comes from
the Gram matrix of the z_i alone (least angle regression), so exactly the number of channels asked for can be picked.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .criterion import Candidates, Criterion, best, criterion

_STEPS_PER_CLASS = 8


@criterion
class Lasso(Criterion):
    """Several layers that read a group share the b_i; each counts by its relative error and sensitivity."""

    name: ClassVar[str] = "lasso"
    needs_data: ClassVar[bool] = True

    def selections(self, candidates: Candidates, widths: Sequence[int]) -> list[NDArray[np.bool_]]:
        """The first point of the path with as many channels; those of equal rank by the size of their b."""
        gram = np.sum([form.contributions(candidates.group.size) for form in candidates.forms], axis=0)
        path = _path(gram)
        counts = (path > 0).sum(axis=0)
        chosen = []
        for width in widths:
            reached = np.flatnonzero(counts >= width)
            scores = path[:, reached[0]] if len(reached) else path[:, -1] + 1e-12 * np.diag(gram) / np.trace(gram)
            chosen.append(best(scores, width))
        return chosen


def _path(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """|b| (K, points) along the path, from the strongest penalty to the weakest."""
    from sklearn.linear_model import lars_path_gram  # noqa: PLC0415 - takes a second, which no other criterion needs

    if not np.trace(gram) > 0:
        return np.ones((len(gram), 1))
    scaled = gram / np.trace(gram)
    scaled[np.diag_indices_from(scaled)] += 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dead channels make it warn of ill-conditioning; they never enter
        _, _, path = lars_path_gram(
            scaled.sum(axis=1), scaled, n_samples=1, max_iter=_STEPS_PER_CLASS * len(gram), method="lasso"
        )
    magnitudes: NDArray[np.float64] = np.abs(path)
    return magnitudes
