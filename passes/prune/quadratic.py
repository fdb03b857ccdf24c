"""What it costs a layer to do without some of the channels it reads: a quadratic form in its second moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ..layers import Layer
from ..lowrank.sensitivity import PowerLaw
from ..shrinkage import effective_count, shrinkage
from ..statistics import LayerStatistics

F64 = NDArray[np.float64]

_USUAL_ERROR = 0.05
"""Of a layer, at which layers that read the same channels are weighed against each other."""


@dataclass(frozen=True, slots=True)
class Quadratic:
    """One convolution group of a layer, and how its channels fall into classes.

    Attributes:
        gram: G (D, D) of the patches about their mean, D = C * q; shrunk (see `..shrinkage`).
        kernel: W (N, D).
        classes: (C,) the class of each channel, -1 for those that stay.
        positions: q, kernel positions per channel.
        energy: E|y|^2 about the mean.
        weight: how much the network suffers from the layer's relative error.
    """

    gram: F64
    kernel: F64
    classes: NDArray[np.intp]
    positions: int
    energy: float
    weight: float

    def columns(self, channels: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(D,) whether a column belongs to one of `channels` (C,)."""
        return np.repeat(channels, self.positions)

    def contributions(self, count: int) -> F64:
        """(count, count): E[z_i . z_j] of the responses z that each class alone brings about, weighted.

        With W_i the columns of channel i, E[z_i . z_j] is the sum over G_ij * W_i'W_j.
        """
        size, q = len(self.classes), self.positions
        products = (self.gram * (self.kernel.T @ self.kernel)).reshape(size, q, size, q).sum(axis=(1, 3))
        member = np.zeros((size, count))
        free = np.flatnonzero(self.classes >= 0)
        member[free, self.classes[free]] = 1
        summed: F64 = member.T @ products @ member
        return summed * (self.weight / self.energy if self.energy > 0 else 0.0)

    def refitted(self, kept: NDArray[np.bool_]) -> tuple[F64, float]:
        """The best kernel (N, D') on the kept channels (C,), and its error over the energy."""
        columns = self.columns(kept)
        cross = self.kernel @ self.gram[:, columns]
        factor = scipy.linalg.cho_factor(self.gram[np.ix_(columns, columns)], overwrite_a=True, check_finite=False)
        solved = scipy.linalg.cho_solve(factor, cross.T, check_finite=False)
        error = self.energy - float(np.vdot(solved.T, cross))
        return solved.T, max(error, 0.0) / self.energy if self.energy > 0 else 0.0

    def unfitted_error(self, kept: NDArray[np.bool_]) -> float:
        """The error over the energy if the remaining weights stay as they are."""
        gone = self.columns(~kept)
        part = self.kernel[:, gone]
        error = float(np.vdot(part @ self.gram[np.ix_(gone, gone)], part))
        return error / self.energy if self.energy > 0 else 0.0


def quadratics(
    layer: Layer, statistics: LayerStatistics, classes: NDArray[np.intp], weight: float = 1.0
) -> list[Quadratic]:
    """One for each convolution group.

    Args:
        layer: that reads the channels.
        statistics: of the layer.
        classes: (C/G,) the class of each channel, the same in every group.
        weight: how much the network suffers from the layer's relative error.
    """
    per_group = layer.filters // layer.group
    made = []
    for group in range(layer.group):
        mean = statistics.mean[group]
        gram = statistics.gram[group].astype(np.float64)
        rounding = float(np.finfo(np.float32).eps * np.trace(gram))  # what float32 may have taken off any eigenvalue
        gram -= np.outer(mean, mean)
        kernel = layer.weight[group * per_group : (group + 1) * per_group].reshape(per_group, -1).astype(np.float64)
        pull = shrinkage(gram, effective_count(layer, statistics.count))
        gram[np.diag_indices_from(gram)] += pull + rounding + np.finfo(np.float32).tiny
        energy = float(np.vdot(kernel @ gram, kernel))
        positions = gram.shape[0] // len(classes)
        made.append(Quadratic(gram, kernel, classes, positions, energy, weight / layer.group))
    return made


@dataclass(frozen=True, slots=True)
class Reader:
    """A layer that reads channels which may go.

    Attributes:
        forms: one for each convolution group.
        law: what its error does to the network.
        name: of the layer.
    """

    forms: Sequence[Quadratic]
    law: PowerLaw
    name: str

    def loss(self, kept: NDArray[np.bool_], *, refit: bool) -> float:
        """What the network suffers if these classes (K,) stay."""
        errors = []
        for form in self.forms:
            own = kept_channels(form.classes, kept)
            errors.append(form.refitted(own)[1] if refit else form.unfitted_error(own))
        return self.law(float(np.mean(errors)))


def usual_weight(law: PowerLaw) -> float:
    """How much the network suffers from an error, as a line."""
    return law(_USUAL_ERROR) / _USUAL_ERROR


_LEAST_LOSS = 1e-12
"""What goes without any loss is cheap, and less of it is still better."""


def kept_channels(classes: NDArray[np.intp], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(C,) whether each channel stays, given which classes (K,) do."""
    stays: NDArray[np.bool_] = (classes < 0) | kept[classes]
    return stays


def losses_of_widths(
    readers: Sequence[Reader], selections: Sequence[NDArray[np.bool_]], *, refit: bool, solved: int = 5
) -> list[float]:
    """What all readers together make the network suffer at each selection (K,), smallest first.

    At most `solved` of them are solved for; between these the logarithm is interpolated.
    """
    chosen = np.unique(np.linspace(0, len(selections) - 1, solved).round().astype(int))
    losses = [sum(reader.loss(selections[index], refit=refit) for reader in readers) for index in chosen]
    curve = np.interp(np.arange(len(selections)), chosen, np.log(np.maximum(losses, _LEAST_LOSS)))
    return [float(loss) for loss in np.exp(curve)]
