"""The fully connected pair: (N,C) becomes (K,C) and (N,K), the bias on the second.

MXNet's accnn (acc_fc) and Girshick's *Fast R-CNN*, 2015, section 3.1: truncated singular value decomposition.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..layers import Layer
from .form import Factorization, Form, Stage, Weights, form
from .svd import TruncatedProduct


@form
class Gemm(Form):
    """(K, C), then (N, K)."""

    name = "gemm"

    def declines(self, layer: Layer) -> str | None:
        """Declines convolutions."""
        return "it is a Conv" if layer.is_conv else None

    def full_rank(self, layer: Layer) -> int:
        """min(N, C)."""
        return int(min(layer.weight.shape))

    def stages(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """Reduce to K, then recover N."""
        outputs, inputs = layer.weight.shape
        return (Stage("_red", (rank, inputs)), Stage("_rec", (outputs, rank)))

    def factorize(self, layer: Layer) -> Factorization:
        """One singular value decomposition."""
        return _GemmFactorization(layer)


class _GemmFactorization(Factorization):
    def __init__(self, layer: Layer) -> None:
        self._product = TruncatedProduct(layer.weight)
        self.singular_values = self._product.singular_values

    def factors(self, rank: int) -> list[Weights]:
        recover, reduce = self._product.cut(rank)
        return [reduce, recover]
