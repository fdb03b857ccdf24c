"""The input channel form, mirror image of `channel`: (K,C,1,1), then (N,K,kh,kw).

Where 3x3 convolutions are Winograd (ncnn, MNN, OpenCV 4), the fastest of the pairs that keep one.
"""

from __future__ import annotations

from typing import ClassVar

from ..layers import Layer
from .pair import Pair
from .registry import form


@form
class InputChannel(Pair):
    """(G*K, C/G, 1, 1), then (N, K, kh, kw)."""

    name: ClassVar[str] = "input_channel"
    reduced: ClassVar[str] = "c"
    suffixes: ClassVar[tuple[str, str]] = ("_mix", "_expand")

    def declines(self, layer: Layer) -> str | None:
        """Declines what is no Conv, depthwise convolutions, and kernels with a side of 1."""
        if not layer.is_conv:
            return f"{layer.node.op} takes the form 'gemm'"
        if 1 in layer.conv.kernel:
            return "its kernel has a side of 1: the form is another's"
        return layer.depthwise
