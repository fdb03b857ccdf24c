"""Factors from the weights alone: singular value decomposition, and what it loses at each rank."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .factors import F32, Cut, Factors
from .svd import TruncatedProduct

F64 = NDArray[np.float64]


class Truncation(ABC):
    """The kernel (N, Q, P) of one group, taken apart once, to be cut at any rank.

    Attributes:
        energy: the sum of its squares.
    """

    energy: float

    @abstractmethod
    def dropped(self, cuts: Sequence[Cut]) -> F64:
        """The sum of squares that each cut drops."""

    @abstractmethod
    def kept(self, cut: Cut) -> float:
        """The share of singular values that is kept, accnn's measure of a rank."""

    @abstractmethod
    def cut(self, cut: Cut) -> Factors:
        """The factors."""


class SharedTruncation(Truncation):
    """One A for all q: the singular value decomposition of the kernel as (N*Q, P).

    Args:
        kernel: (N, Q, P).
    """

    def __init__(self, kernel: F32) -> None:
        self._shape = kernel.shape[:2]
        self._product = TruncatedProduct(kernel.reshape(-1, kernel.shape[-1]))
        self.energy = float(np.square(self._product.singular_values).sum())

    def dropped(self, cuts: Sequence[Cut]) -> F64:
        """The squares of the singular values behind the first K (Eckart and Young)."""
        squares = self._product.singular_values**2
        return np.array([squares[rank:].sum() for rank, _ in cuts])

    def kept(self, cut: Cut) -> float:
        """The first K singular values over all of them."""
        return share(self._product.singular_values, cut[0])

    def cut(self, cut: Cut) -> Factors:
        """Both factors carry the square root of each singular value."""
        left, right = self._product.cut(cut[0])
        return Factors(right, left.reshape(*self._shape, cut[0]))


class OwnTruncation(Truncation):
    """An A for every q: the singular value decomposition of each of the kernel's (N, P).

    Args:
        kernel: (N, Q, P).
    """

    def __init__(self, kernel: F32) -> None:
        self._kernels = kernel.transpose(1, 0, 2).astype(np.float64)
        squares, vectors = np.linalg.eigh(self._kernels.transpose(0, 2, 1) @ self._kernels)
        self._squares = np.maximum(squares[:, ::-1], 0)
        self._bases = vectors[:, :, ::-1]
        self.energy = float(self._squares.sum())

    def dropped(self, cuts: Sequence[Cut]) -> F64:
        """The squares of every q's singular values behind the first T."""
        return np.array([self._squares[:, rank:].sum() for rank, _ in cuts])

    def kept(self, cut: Cut) -> float:
        """The first T singular values of every q over all of them."""
        return share(np.sqrt(self._squares).sum(axis=0), cut[0])

    def cut(self, cut: Cut) -> Factors:
        """Both factors carry the square root of each singular value."""
        bases = self._bases[:, :, : cut[0]]
        values = np.sqrt(self._squares[:, : cut[0]])
        significant = values > values.max() * np.finfo(np.float32).eps
        roots = np.sqrt(np.where(significant, values, 1.0))[:, None, :]
        first = (bases * roots).transpose(0, 2, 1)
        second = (self._kernels @ (bases / roots)).transpose(1, 0, 2)
        return Factors(np.ascontiguousarray(first, np.float32), np.ascontiguousarray(second, np.float32))


def share(values: F64, rank: int) -> float:
    """The first of the values, so many, over the sum of all; 1 where all are 0."""
    total = values.sum()
    return float(values[:rank].sum() / total) if total > 0 else 1.0
