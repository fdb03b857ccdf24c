"""Wide fully connected layers in as many dimensions as they have outputs.

A layer y = W x + b of D inputs and N < D outputs sees of x only what lies in the N-dimensional row space of W. With
W W' = L L' (Cholesky) the rows of Q = L^-1 W (N, D) are an orthonormal basis of that space, and W = L Q: the layer is
L (N, N) on z = Q x. Second moments of z take N^2 numbers and not D^2, which for VGG-16's 25088 inputs is 38 times less,
and factors of L that are optimal for z are, taken back by Q, optimal for x, ridges and distances included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .layers import Layer

F32 = NDArray[np.float32]

WIDE = 8192
"""Inputs from which a Gram matrix (half a gigabyte in float64) costs more than the projection."""

_JITTER = 1e-6
"""Added to the Gram matrix of the filters, as a share of its mean diagonal: some may be 0, or alike."""


def is_wide(layer: Layer) -> bool:
    """Whether moments of the layer's inputs had better be those of a projection."""
    return not layer.is_conv and layer.kernel_shape[0] >= max(WIDE, layer.filters + 1)


@dataclass(frozen=True, slots=True)
class Projection:
    """A wide layer and the basis of its row space.

    Attributes:
        layer: the layer.
        lower: L (N, N).
    """

    layer: Layer
    lower: NDArray[np.float64]

    @property
    def narrow(self) -> Layer:
        """The same layer on projected inputs."""
        return replace(self.layer, weight=self.lower.astype(np.float32))

    def apply(self, patches: F32) -> F32:
        """(S, 1, N) projections of patches (S, 1, D)."""
        products = (patches[:, 0] @ self.layer.weight.T).astype(np.float64)
        projected: F32 = self._solve(products.T, transposed=False).T
        return projected[:, None]

    def lift(self, first: F32) -> F32:
        """A first factor (K, N) on projected inputs as one (K, D) on the inputs themselves."""
        lifted = self._solve(first.T.astype(np.float64), transposed=True).T @ self.layer.weight
        return np.ascontiguousarray(lifted, np.float32)

    def _solve(self, right: NDArray[np.float64], *, transposed: bool) -> F32:
        solved = scipy.linalg.solve_triangular(
            self.lower, right, trans="T" if transposed else "N", lower=True, check_finite=False
        )
        return np.ascontiguousarray(solved, np.float32)


def project(layer: Layer) -> Projection:
    """The projection of a wide layer."""
    weight = np.asarray(layer.weight)
    gram = np.zeros((layer.filters, layer.filters))
    for begin in range(0, weight.shape[1], WIDE):
        part = weight[:, begin : begin + WIDE]
        gram += part @ part.T
    diagonal = np.diag_indices_from(gram)
    gram[diagonal] += max(_JITTER * float(np.mean(gram[diagonal])), np.finfo(np.float32).tiny)
    return Projection(layer, scipy.linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False))
