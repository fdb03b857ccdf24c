"""What the forms of three stages have in common: a pair whose second stage is itself of low rank.

    y[n] = sum_m C[n, m] sum_kq B[m, q, k] sum_p A[k, p] x[p, q]

With A given, C B is reduced-rank regression on the features; with C B given, A is that of a pair. So all that is known
of pairs holds: the start, the alternation, the errors of all ranks from one decomposition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..layers import ConvGeometry, Layer
from ..options import Ranks
from .factors import Factors
from .form import Stage, Weights
from .pair import Pair
from .truncation import Truncation
from .tucker_truncation import TuckerTruncation


class Triple(Pair):
    """A form of three stages; its ranks are K and M."""

    def full_ranks(self, layer: Layer) -> Ranks:
        """K as of the pair, and min(N/G, Q * P)."""
        p, q = self.sizes(layer)
        return (*super().full_ranks(layer), min(layer.filters // layer.group, q * p))

    def middle(self, layer: Layer, ranks: Ranks) -> int | None:  # noqa: ARG002 - a form may merge stages by it
        """M."""
        return ranks[1]

    def stages(self, layer: Layer, ranks: Ranks) -> Sequence[Stage]:
        """The pair's stages, the second with M filters, then the pointwise one."""
        first, second = super().stages(layer, ranks)
        middle = self.middle(layer, ranks)
        if middle is None:
            return (first, second)
        pointwise = ConvGeometry((1, 1), group=layer.group)
        return (
            first,
            replace(second, shape=(layer.group * middle, *second.shape[1:])),
            Stage(self.suffixes[2], (layer.filters, middle, 1, 1), pointwise),
        )

    def fold(self, layer: Layer, factors: Sequence[Factors]) -> list[Weights]:
        """The stages' weights from each group's factors."""
        rank, middle = factors[0].rank, factors[0].middle
        stages = self.stages(layer, (rank, self.full_ranks(layer)[1] if middle is None else middle))
        weights = [
            np.concatenate([f.first for f in factors]),
            np.concatenate([f.second.transpose(0, 2, 1) for f in factors]),
            *([] if middle is None else [np.concatenate([f.last for f in factors])]),
        ]
        pairs = zip(weights, stages, strict=True)
        return [np.ascontiguousarray(weight.reshape(stage.shape), np.float32) for weight, stage in pairs]

    def truncate(self, kernel: Weights) -> Truncation:
        """The kernel (N, Q, P) of one group, to be cut at any ranks."""
        return TuckerTruncation(kernel)
