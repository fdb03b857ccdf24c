"""Tucker-2: (N,C,kh,kw) becomes (K,C,1,1), (M,K,kh,kw) and (N,M,1,1).

Kim et al., *Compression of deep convolutional neural networks for fast and low power mobile applications*, 2015. Keeps
a kh x kw convolution, which is what pays where 3x3 convolutions are Winograd, between fewer channels on both sides.
"""

from __future__ import annotations

from typing import ClassVar

from ..layers import Layer
from .registry import form
from .triple import Triple


@form
class Tucker(Triple):
    """(G*K, C/G, 1, 1), (G*M, K, kh, kw), then (N, M, 1, 1), all with G groups."""

    name: ClassVar[str] = "tucker"
    reduced: ClassVar[str] = "c"
    suffixes: ClassVar[tuple[str, ...]] = ("_in", "_core", "_out")

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, pointwise and depthwise convolutions."""
        if not layer.is_conv:
            return f"{layer.node.op} takes the form 'gemm'"
        if layer.conv.kernel == (1, 1):
            return "it is pointwise: two 1x1 are the form 'channel'"
        return layer.depthwise
