"""A layer's pair fitted to its own responses on calibration data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from ..options import Ranks
from ..shrinkage import effective_count, shrinkage
from ..statistics import LayerStatistics
from .factors import F32
from .form import Chain, Factorization, Form
from .pair import Pair
from .pooled import PooledLayer
from .regression import Fit, Moments, alternate, errors_of_cuts, fit_second, start

ROUNDS = 2
"""Alternations of the final fit; more gain less than a percent of the error."""


@dataclass(frozen=True, slots=True)
class Centred:
    """Second moments of one group of a layer about the means, in the layer's own order of a patch's elements.

    Attributes:
        gram: of the patches (D, D).
        cross: of the responses with them (N, D).
        energy: E|y|^2.
        mean_x: (D,).
        mean_y: (N,).
        pull: see `Moments`.
    """

    gram: F32
    cross: F32
    energy: float
    mean_x: NDArray[np.float64]
    mean_y: NDArray[np.float64]
    pull: float


class RegressedPair(Factorization):
    """Data-aware factors of a layer in one form.

    Args:
        form: the form.
        layer: the layer.
        statistics: of the layer.
        rank: the largest K that will be asked for.
        known: `centred_moments`, where they are at hand for another form of the same layer.
    """

    def __init__(
        self,
        form: Pair,
        layer: Layer,
        statistics: LayerStatistics,
        rank: int,
        known: Sequence[Centred] | None = None,
    ) -> None:
        self._form, self._layer, self._statistics = form, fitted_layer(layer, statistics), statistics
        known = centred_moments(layer, statistics) if known is None else known
        self._moments = [_ordered(form, self._layer, group, moments) for group, moments in enumerate(known)]
        self._starts = [start(moments, rank, own=form.own) for moments in self._moments]

    def errors(self, offered: Sequence[Ranks]) -> list[float]:
        """What to expect on unseen data before the alternation (see `regression.Fit`): the groups' average."""
        energies = [m.energy for m in self._moments]
        cuts = [self._form.cut(self._layer, ranks) for ranks in offered]
        errors = [errors_of_cuts(first, m, cuts) for first, m in zip(self._starts, self._moments, strict=True)]
        if not sum(energies):
            return [0.0] * len(cuts)
        return [float(np.average(column, weights=energies)) for column in zip(*errors, strict=True)]

    def fits(self, ranks: Ranks, rounds: int = ROUNDS) -> list[Fit]:
        """The factors of each group at these ranks, after so many alternations."""
        fitted = []
        rank, middle = self._form.cut(self._layer, ranks)
        for first, moments in zip(self._starts, self._moments, strict=True):
            cut = np.ascontiguousarray(first[..., :rank, :])
            fitted.append(alternate(fit_second(cut, moments, middle), moments, rounds))
        return fitted

    def chain(self, ranks: Ranks) -> Chain:
        """The stages' weights at these ranks, and the bias that goes with them."""
        return self.folded(self.fits(ranks))

    def folded(self, fits: Sequence[Fit]) -> Chain:
        """The chain of the fits of each group."""
        return fold(self._form, self._layer, fits, self._statistics)


def regress_layer(
    form: Form, layer: Layer, statistics: LayerStatistics, rank: int, known: Sequence[Centred]
) -> RegressedPair | PooledLayer:
    """What tells the errors of a form on the data, and makes its chains.

    Args:
        form: the form.
        layer: the layer.
        statistics: of the layer.
        rank: the largest K that will be asked for.
        known: `centred_moments` of the layer.
    """
    if isinstance(form, Pair):
        return RegressedPair(form, layer, statistics, rank, known)
    return PooledLayer(layer, statistics)


def fitted_layer(layer: Layer, statistics: LayerStatistics) -> Layer:
    """The layer that factors are sought for: of a wide one its narrow form."""
    return layer if statistics.projection is None else statistics.projection.narrow


def own_moments(form: Pair, layer: Layer, statistics: LayerStatistics, group: int) -> Moments:
    """The moments of one group of a layer on the features of the original network."""
    layer = fitted_layer(layer, statistics)
    return _ordered(form, layer, group, _centred(layer, statistics, group))


def centred_moments(layer: Layer, statistics: LayerStatistics) -> list[Centred]:
    """Of each group of a layer."""
    layer = fitted_layer(layer, statistics)
    return [_centred(layer, statistics, group) for group in range(layer.group)]


def _centred(layer: Layer, statistics: LayerStatistics, group: int) -> Centred:
    mean_x, per_group = statistics.mean[group], layer.filters // layer.group
    rows = slice(group * per_group, (group + 1) * per_group)
    kernel = layer.weight[rows].reshape(per_group, -1)
    narrow = mean_x.astype(np.float32)
    gram = statistics.gram[group] - np.outer(narrow, narrow)
    cross = kernel @ gram
    return Centred(
        gram=gram,
        cross=cross,
        energy=float(np.vdot(cross.astype(np.float64), kernel)),
        mean_x=mean_x,
        mean_y=kernel @ mean_x + (0.0 if layer.bias is None else layer.bias[rows]),
        pull=shrinkage(gram, effective_count(layer, statistics.count)),
    )


def _ordered(form: Pair, layer: Layer, group: int, moments: Centred) -> Moments:
    """The moments of one group of a fitted layer in the order of a form."""
    order = form.order(layer)
    return Moments(
        gram=moments.gram[np.ix_(order, order)],
        cross=moments.cross.take(order, axis=1),
        energy=moments.energy,
        mean_x=moments.mean_x[order],
        mean_y=moments.mean_y,
        q=form.sizes(layer)[1],
        kernel=form.kernels(layer)[group].reshape(-1, len(order)),
        pull=moments.pull,
    )


def fold(form: Pair, layer: Layer, fits: Sequence[Fit], statistics: LayerStatistics) -> Chain:
    """The chain of the fits of each group of a `fitted_layer`, for the layer itself."""
    weights = form.fold(layer, [fit.factors for fit in fits])
    if statistics.projection is not None:
        weights[0] = statistics.projection.lift(weights[0])
    return Chain(weights, np.concatenate([fit.bias for fit in fits]).astype(np.float32))
