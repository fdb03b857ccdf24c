"""Depthwise separable: T terms of a depthwise and a pointwise convolution, (T*C,1,kh,kw) and (N,T*C,1,1).

Guo et al., *Network decoupling: from regular to depthwise separable convolutions*, 2018: the sum of T terms is one
depthwise convolution with T filters to each channel, and one pointwise convolution of them all. Exact at T = kh*kw, and
training-free. Here q is the channel and p the position in the kernel, and every q has T filters A of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ..layers import ConvGeometry, Layer
from ..options import Ranks
from .factors import Factors
from .form import Stage, Weights
from .pair import Pair
from .registry import form
from .truncation import OwnTruncation, Truncation


@form
class Separable(Pair):
    """(T*C, 1, kh, kw) with C groups, then (N, T*C/G, 1, 1) with G."""

    name: ClassVar[str] = "separable"
    reduced: ClassVar[str] = "ij"
    suffixes: ClassVar[tuple[str, ...]] = ("_depthwise", "_pointwise")
    own: ClassVar[bool] = True

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, pointwise and depthwise convolutions."""
        if not layer.is_conv:
            return f"{layer.node.op} takes the form 'gemm'"
        if layer.conv.kernel == (1, 1):
            return "it is pointwise: it has no depthwise part"
        return layer.depthwise

    def full_ranks(self, layer: Layer) -> Ranks:
        """min(kh*kw, N/G): beyond it, terms repeat each other."""
        return (min(self.sizes(layer)[0], layer.filters // layer.group),)

    def stages(self, layer: Layer, ranks: Ranks) -> Sequence[Stage]:
        """T filters to each channel, then what mixes them."""
        per_group, height, width = layer.kernel_shape
        channels = per_group * layer.group
        return (
            Stage(self.suffixes[0], (ranks[0] * channels, 1, height, width), replace(layer.conv, group=channels)),
            Stage(
                self.suffixes[1],
                (layer.filters, ranks[0] * per_group, 1, 1),
                ConvGeometry((1, 1), group=layer.group),
            ),
        )

    def fold(self, layer: Layer, factors: Sequence[Factors]) -> list[Weights]:
        """The stages' weights from each group's A (C/G, T, kh*kw) and B (N/G, C/G, T)."""
        depthwise, pointwise = self.stages(layer, (factors[0].rank,))
        first = np.concatenate([f.first for f in factors]).reshape(depthwise.shape)
        second = np.concatenate([f.second for f in factors]).reshape(pointwise.shape)
        return [np.ascontiguousarray(first, np.float32), np.ascontiguousarray(second, np.float32)]

    def truncate(self, kernel: Weights) -> Truncation:
        """The kernel (N/G, C/G, kh*kw) of one group, to be cut at any T."""
        return OwnTruncation(kernel)
