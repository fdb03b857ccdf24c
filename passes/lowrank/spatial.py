"""The vertical/horizontal pair: (N,C,kh,kw) becomes V (K,C,kh,1) and H (N,K,1,kw).

Tai et al., *Convolutional neural networks with low-rank regularization*, 2015; MXNet's accnn. The kernel as a matrix
(C*kh, N*kw) is cut by singular value decomposition; the square root of each singular value goes to both factors. V has
the rows' strides, dilations and pads, H the columns' and the bias. Each of G groups is factorized by itself, with K
filters per group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from .form import Factorization, Form, Stage, Weights, form
from .svd import TruncatedProduct


@form
class Spatial(Form):
    """V (G*K, C/G, kh, 1), then H (N, K, 1, kw), both with G groups."""

    name = "spatial"

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, and depthwise convolutions, whose filters are vectors across no channels."""
        if not layer.is_conv:
            return f"{layer.node.op} has no spatial extent"
        if layer.weight.shape[1] == 1 and layer.conv.group > 1:
            return "it is depthwise: there are no channels to share a factor"
        return None

    def full_rank(self, layer: Layer) -> int:
        """min(C/G * kh, N/G * kw)."""
        filters, channels, height, width = layer.weight.shape
        return int(min(channels * height, filters // layer.conv.group * width))

    def stages(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """V, then H."""
        filters, channels, height, width = layer.weight.shape
        geometry = layer.conv
        return (
            Stage("_v", (geometry.group * rank, channels, height, 1), geometry.vertical()),
            Stage("_h", (filters, rank, 1, width), geometry.horizontal()),
        )

    def factorize(self, layer: Layer) -> Factorization:
        """One singular value decomposition per group."""
        return _SpatialFactorization(layer)


class _SpatialFactorization(Factorization):
    def __init__(self, layer: Layer) -> None:
        filters, channels, height, width = layer.weight.shape
        self._per_group = filters // layer.conv.group
        self._shape = (channels, height, width)
        self._products = [
            TruncatedProduct(kernel.transpose(1, 2, 0, 3).reshape(channels * height, self._per_group * width))
            for kernel in np.split(layer.weight, layer.conv.group)
        ]
        self.singular_values = sum_of([product.singular_values for product in self._products])

    def factors(self, rank: int) -> list[Weights]:
        channels, height, width = self._shape
        verticals, horizontals = [], []
        for product in self._products:
            left, right = product.cut(rank)
            verticals.append(left.T.reshape(rank, channels, height, 1))
            horizontals.append(right.reshape(rank, self._per_group, 1, width).transpose(1, 0, 2, 3))
        return [np.concatenate(verticals), np.ascontiguousarray(np.concatenate(horizontals))]


def sum_of(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Elementwise sum of equally long vectors."""
    total: NDArray[np.float64] = np.sum(arrays, axis=0)
    return total
