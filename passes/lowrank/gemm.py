"""The fully connected pair: (N,C) becomes (K,C) and (N,K), the bias on the second.

MXNet's accnn (acc_fc) and Girshick's *Fast R-CNN*, 2015, section 3.1: truncated singular value decomposition; with
data, reduced-rank regression (Izenman, 1975), which is the best pair there is.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from .pair import Pair
from .registry import form


@form
class Gemm(Pair):
    """(K, C), then (N, K)."""

    name: ClassVar[str] = "gemm"
    reduced: ClassVar[str] = "cij"
    suffixes: ClassVar[tuple[str, str]] = ("_red", "_rec")

    def kernels(self, layer: Layer) -> NDArray[np.float32]:
        """(1, N, 1, C): the weights as they lie, which may be gigabytes."""
        return layer.weight.reshape(1, layer.filters, 1, -1)

    def declines(self, layer: Layer) -> str | None:
        """Declines convolutions."""
        return "it is a Conv" if layer.is_conv else None
