"""What it costs a layer to do without some of the channels it reads: a quadratic form in its second moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ..layers import Layer
from ..shrinkage import effective_count, rounding, shrinkage
from ..statistics import LayerStatistics

F64 = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Quadratic:
    """One convolution group of a layer, and how its channels fall into classes.

    Attributes:
        gram: G (D, D) of the patches about their mean, D = C * q; shrunk (see `..shrinkage`), and no less than float32
            leaves it regular.
        kernel: W (N, D).
        classes: (C,) the class of each channel, -1 for those that stay.
        positions: q, kernel positions per channel.
        energy: E|y|^2 about the mean.
        weight: how much the network suffers from the layer's relative error.
    """

    gram: Floats
    kernel: Floats
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
        member = np.zeros((len(self.classes), count))
        free = np.flatnonzero(self.classes >= 0)
        member[free, self.classes[free]] = 1
        summed: F64 = member.T @ self._products() @ member
        return summed * (self.weight / self.energy if self.energy > 0 else 0.0)

    def gains(self) -> Floats:
        """(C,): E|z_i|^2 of the response that each channel alone brings about."""
        size, q = len(self.classes), self.positions
        kernels = np.ascontiguousarray(self.kernel.T).reshape(size, q, -1)
        own = np.arange(size)
        grams = self.gram.reshape(size, q, size, q)[own, :, own, :]
        gains: Floats = (grams * (kernels @ kernels.transpose(0, 2, 1))).sum(axis=(1, 2))
        return gains

    def _products(self) -> F64:
        """(C, C): E[z_i . z_j] of single channels."""
        size, q = len(self.classes), self.positions
        products = self.gram * (self.kernel.T @ self.kernel)
        summed: F64 = products.reshape(size, q, size, q).sum(axis=(1, 3), dtype=np.float64)
        return summed

    def refitted(self, kept: NDArray[np.bool_]) -> tuple[Floats, float]:
        """The best kernel (N, D') on the kept channels (C,), and its error over the energy."""
        columns = self.columns(kept)
        rows = self.gram[columns]
        cross = rows @ self.kernel.T
        gram = rows[:, columns].T  # symmetric: so it lies in memory as LAPACK wants it
        factor = scipy.linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        solved = scipy.linalg.cho_solve(factor, cross, check_finite=False)
        error = self.energy - float(np.vdot(solved, cross))
        return solved.T, max(error, 0.0) / self.energy if self.energy > 0 else 0.0

    def unfitted_errors(self, kept: NDArray[np.bool_]) -> F64:
        """(n,) the errors over the energy if the remaining weights stay as they are, for each choice (n, C) of them."""
        gone = (~kept).astype(np.float64)
        errors: F64 = ((gone @ self._products()) * gone).sum(axis=1)
        return errors / self.energy if self.energy > 0 else 0.0 * errors


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
        mean = statistics.mean[group].astype(np.float32)
        gram = statistics.gram[group] - np.outer(mean, mean)
        kernel = np.asarray(layer.weight[group * per_group : (group + 1) * per_group]).reshape(per_group, -1)
        pull = shrinkage(gram, effective_count(layer, statistics.count))
        gram[np.diag_indices_from(gram)] += pull + rounding(statistics.gram[group])
        energy = float(np.vdot(kernel @ gram, kernel))
        positions = gram.shape[0] // len(classes)
        made.append(Quadratic(gram, kernel, classes, positions, energy, weight / layer.group))
    return made
