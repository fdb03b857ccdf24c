"""The channel form, or filter PCA: (K,C,kh,kw), then (N,K,1,1).

Zhang et al., *Accelerating very deep convolutional networks*, 2015; Wen's nn_decomposer. With data its closed form,
reduced-rank regression, is the best pair there is; without, the singular value decomposition of the filters.
"""

from __future__ import annotations

from typing import ClassVar

from ..layers import Layer
from .pair import Pair
from .registry import form


@form
class Channel(Pair):
    """(G*K, C/G, kh, kw), then (N, K, 1, 1); a 1x1 convolution becomes two."""

    name: ClassVar[str] = "channel"
    reduced: ClassVar[str] = "cij"
    suffixes: ClassVar[tuple[str, str]] = ("_reduce", "_mix")

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, and depthwise convolutions, whose filters share no channels."""
        return layer.depthwise if layer.is_conv else f"{layer.node.op} takes the form 'gemm'"
