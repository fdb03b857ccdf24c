"""Spatial and channel: V (K,C,kh,1), H (M,K,1,kw) and P (N,M,1,1).

He et al., *Channel pruning for accelerating very deep neural networks*, 2017, section 4.1.2: two of its "3C" on one
layer. Where H and P apart cost no less than as one convolution they are merged back, and the form is the pair of
`spatial` at K.
"""

from __future__ import annotations

from typing import ClassVar

from ..layers import Layer
from ..options import Ranks
from .registry import form
from .triple import Triple


@form
class SpatialChannel(Triple):
    """V (G*K, C/G, kh, 1), H (G*M, K, 1, kw), then P (N, M, 1, 1), all with G groups."""

    name: ClassVar[str] = "spatial_channel"
    reduced: ClassVar[str] = "ci"
    suffixes: ClassVar[tuple[str, ...]] = ("_v", "_h", "_p")

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, depthwise convolutions, and kernels with a side of 1."""
        if not layer.is_conv:
            return f"{layer.node.op} has no spatial extent"
        if 1 in layer.conv.kernel:
            return "its kernel has a side of 1: the form is another's"
        return layer.depthwise

    def middle(self, layer: Layer, ranks: Ranks) -> int | None:
        """M, unless H and P are merged: both act at the positions of the output."""
        filters, width = layer.filters // layer.group, layer.conv.kernel[1]
        merged, apart = filters * ranks[0] * width, ranks[1] * (ranks[0] * width + filters)
        return ranks[1] if apart < merged else None
