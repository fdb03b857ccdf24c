"""Factors from the weights alone: singular value decomposition, and what it loses at each rank."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..options import Ranks
from .factors import F32, Factors
from .svd import TruncatedProduct

F64 = NDArray[np.float64]


class Truncation(ABC):
    """The kernel (N, Q, P) of one group, taken apart once, to be cut at any rank.

    Attributes:
        energy: the sum of its squares.
    """

    energy: float

    @abstractmethod
    def dropped(self, offered: Sequence[Ranks]) -> F64:
        """The sum of squares that each of the ranks drops."""

    @abstractmethod
    def kept(self, ranks: Ranks) -> float:
        """The share of singular values that is kept, accnn's measure of a rank."""

    @abstractmethod
    def cut(self, ranks: Ranks) -> Factors:
        """The factors at these ranks."""


class SharedTruncation(Truncation):
    """One A for all q: the singular value decomposition of the kernel as (N*Q, P).

    Args:
        kernel: (N, Q, P).
    """

    def __init__(self, kernel: F32) -> None:
        self._shape = kernel.shape[:2]
        self._product = TruncatedProduct(kernel.reshape(-1, kernel.shape[-1]))
        self.energy = float(np.square(self._product.singular_values).sum())

    def dropped(self, offered: Sequence[Ranks]) -> F64:
        """The squares of the singular values behind rank K (Eckart and Young)."""
        squares = self._product.singular_values**2
        return np.array([squares[ranks[0] :].sum() for ranks in offered])

    def kept(self, ranks: Ranks) -> float:
        """The first K singular values over all of them."""
        return share(self._product.singular_values, ranks[0])

    def cut(self, ranks: Ranks) -> Factors:
        """Both factors carry the square root of each singular value."""
        left, right = self._product.cut(ranks[0])
        return Factors(right, left.reshape(*self._shape, ranks[0]))


def share(values: F64, rank: int) -> float:
    """The first of the values, so many, over the sum of all; 1 where all are 0."""
    total = values.sum()
    return float(values[:rank].sum() / total) if total > 0 else 1.0
