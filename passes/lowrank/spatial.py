"""The vertical/horizontal pair: (N,C,kh,kw) becomes V (K,C,kh,1) and H (N,K,1,kw).

Tai et al., *Convolutional neural networks with low-rank regularization*, 2015; MXNet's accnn. The kernel as a matrix
(C*kh, N*kw) is cut by singular value decomposition; the square root of each singular value goes to both factors. V has
the rows' strides, dilations and pads, H the columns' and the bias.
"""

from __future__ import annotations

from typing import ClassVar

from ..layers import Layer
from .pair import Pair
from .registry import form


@form
class Spatial(Pair):
    """V (G*K, C/G, kh, 1), then H (N, K, 1, kw), both with G groups."""

    name: ClassVar[str] = "spatial"
    reduced: ClassVar[str] = "ci"
    suffixes: ClassVar[tuple[str, str]] = ("_v", "_h")

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, and depthwise convolutions, whose filters share no channels."""
        if not layer.is_conv:
            return f"{layer.node.op} has no spatial extent"
        return layer.depthwise
