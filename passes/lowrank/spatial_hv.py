"""The horizontal/vertical pair, mirror image of `spatial`: (K,C,1,kw), then (N,K,kh,1).

Cheaper than the other where the stride shortens rows first, or C is large against N.
"""

from __future__ import annotations

from typing import ClassVar

from ..layers import Layer
from .pair import Pair
from .registry import form


@form
class SpatialHV(Pair):
    """H (G*K, C/G, 1, kw), then V (N, K, kh, 1), both with G groups."""

    name: ClassVar[str] = "spatial_hv"
    reduced: ClassVar[str] = "cj"
    suffixes: ClassVar[tuple[str, str]] = ("_h", "_v")

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, depthwise convolutions, and kernels that are a row or a column."""
        if not layer.is_conv:
            return f"{layer.node.op} has no spatial extent"
        if 1 in layer.conv.kernel:
            return "its kernel is one row or column: the form is another's"
        return layer.depthwise
