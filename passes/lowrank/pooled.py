"""Pooled: a pointwise convolution of which only the mean over the positions counts, computed on the mean of its input.

A 1x1 convolution and a global average can change places. With an activation between them they still can, but for its
curvature: a channel that is above zero at most positions, or below, sees nearly a straight line. Networks that end in
a 1x1 convolution, a Relu and a global average (Network in Network, SqueezeNet) spend a quarter of their
multiply-accumulates there, and lose less by this than by any lower rank. What is lost no moment of the patches tells:
it is read off the responses, and what that does to the network is measured by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..averaged import POOL, Averaged
from ..layers import ConvGeometry, Layer
from ..options import Ranks
from ..statistics import LayerStatistics
from .form import Chain, Factorization, Form, Stage
from .registry import form


@form
class Pooled(Form):
    """A global average, then (N, C/G, 1, 1) on one position. Its rank is the number of positions: 1."""

    name: ClassVar[str] = "pooled"
    suffixes: ClassVar[tuple[str, ...]] = ("_mean", "_pooled")
    fitted: ClassVar[bool] = False

    def declines(self, layer: Layer) -> str | None:
        """Declines all but 1x1 convolutions, without strides and pads, before a mean over all their positions."""
        if not layer.is_conv:
            return f"{layer.node.op} takes the form 'gemm'"
        if layer.conv.kernel != (1, 1) or layer.conv.strides != (1, 1) or any(layer.conv.pads):
            return "it does more than mix channels, so a mean cannot be taken before it"
        if layer.averaged is None:
            return "more of its output counts than the mean over the positions"
        return "it has one position" if math.prod(layer.output_size) == 1 else None

    def full_ranks(self, layer: Layer) -> Ranks:  # noqa: ARG002 - as of every form
        """1; exact where no activation stands between."""
        return (1,)

    def stages(self, layer: Layer, ranks: Ranks) -> Sequence[Stage]:  # noqa: ARG002 - as of every form
        """The average, then the layer."""
        return (
            Stage(self.suffixes[0], (0,), operator=POOL),
            Stage(self.suffixes[1], tuple(layer.weight.shape), ConvGeometry((1, 1), group=layer.group)),
        )

    def factorize(self, layer: Layer) -> Factorization:
        """The weights stay."""
        return PooledLayer(layer, None)


class PooledLayer(Factorization):
    """A layer that changes places with the mean behind it.

    Args:
        layer: the layer.
        statistics: of the layer; None where nobody asks for errors.
    """

    def __init__(self, layer: Layer, statistics: LayerStatistics | None) -> None:
        self._layer, self._statistics = layer, statistics

    def errors(self, offered: Sequence[Ranks]) -> list[float]:
        """Squared error of the mean over the positions, over its squared norm, as far as samples of them tell."""
        if self._statistics is None:
            raise ValueError("what a mean loses shows on data only")
        activation = self._layer.averaged or Averaged()
        values = self._statistics.responses.reshape(-1, self._statistics.per_image, self._layer.filters)
        wanted = activation(values).mean(axis=1)
        lost = np.square(activation(values.mean(axis=1)) - wanted).sum(dtype=np.float64)
        energy = max(float(np.square(wanted).sum(dtype=np.float64)), float(np.finfo(np.float32).tiny))
        return [float(lost) / energy] * len(offered)

    def chain(self, ranks: Ranks) -> Chain:  # noqa: ARG002 - as of every factorization
        """The layer's own weights, and bias."""
        return Chain([np.zeros(0, np.float32), self._layer.weight], self._layer.bias)
