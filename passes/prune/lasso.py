"""`--criterion lasso`: the channels whose contributions a LASSO keeps.

He, Zhang and Sun, *Channel pruning for accelerating very deep neural networks*, 2017, section 3.1: with z_i the
response that channel i alone brings about, minimize 1/2 |y - sum b_i z_i|^2 + a |b|_1. The whole path over a comes from
the Gram matrix of the z_i alone (least angle regression), so exactly the number of channels asked for can be picked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .criterion import Candidates, Criterion, best, criterion
from .homotopy import lasso_path

_RIDGE = 1e-9
"""Of the trace; dead channels and those that are alike would leave the Gram matrix singular."""


@criterion
class Lasso(Criterion):
    """Several layers that read a group share the b_i; each counts by its relative error and sensitivity."""

    name: ClassVar[str] = "lasso"
    needs_data: ClassVar[bool] = True

    def selections(self, candidates: Candidates, widths: Sequence[int]) -> list[NDArray[np.bool_]]:
        """The first point of the path with as many channels; those of equal rank by the size of their b."""
        gram = np.sum([form.contributions(candidates.group.size) for form in candidates.forms], axis=0)
        scale = np.trace(gram)
        path = _path(gram / scale, widths[-1]) if scale > 0 else np.ones((1, len(gram)))
        counts = (path > 0).sum(axis=1)
        chosen = []
        for width in widths:
            reached = np.flatnonzero(counts >= width)
            scores = path[reached[0]] if len(reached) else path[-1] + 1e-12 * np.diag(gram) / scale
            chosen.append(best(scores, width))
        return chosen


def _path(gram: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """|b| (points, K) along the path, from the strongest penalty to one at which so many are not 0."""
    gram[np.diag_indices_from(gram)] += _RIDGE
    path = []
    for coefficients in lasso_path(gram):
        path.append(np.abs(coefficients))
        if np.count_nonzero(coefficients) >= width:
            break
    return np.array(path)
