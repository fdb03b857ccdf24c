"""Factors of three stages from the weights alone: the Tucker decomposition of two modes.

De Lathauwer, De Moor and Vandewalle, *A multilinear singular value decomposition* and *On the best rank-1 and
rank-(R1, ..., RN) approximation of higher-order tensors*, 2000: the leading singular vectors of both unfoldings (HOSVD)
tell what a cut loses and are the start; at the cut, each factor is improved for the other in turn (HOOI).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg

from .factors import F32, Cut, Factors
from .truncation import F64, Truncation, share

_ROUNDS = 10

_GAIN = 1e-5
"""A round that explains less than this share more is the last."""

_DOUBLE_UP_TO = 2048
"""Sides up to this are decomposed in float64."""


class TuckerTruncation(Truncation):
    """The kernel (N, Q, P) as C (N, M), B (M, Q, K) and A (K, P), C and A orthonormal.

    Args:
        kernel: (N, Q, P).
    """

    def __init__(self, kernel: F32) -> None:
        filters, _, size = kernel.shape
        self._kernel = kernel.astype(np.float64)
        self._squares_n, self._basis_n = _eigen(self._kernel.reshape(filters, -1).T)
        self._squares_p, self._basis_p = _eigen(self._kernel.reshape(-1, size))
        self.energy = float(np.square(self._kernel).sum())
        rotated = np.tensordot(self._basis_n.T, self._kernel, 1) @ self._basis_p
        self._met = np.square(rotated).sum(axis=1).cumsum(axis=0).cumsum(axis=1)

    def dropped(self, cuts: Sequence[Cut]) -> F64:
        """What the leading singular vectors of both unfoldings drop: a little more than the factors at the cut do."""
        met = [self._met[-1 if middle is None else middle - 1, rank - 1] for rank, middle in cuts]
        return np.maximum(self.energy - np.array(met), 0.0)

    def kept(self, cut: Cut) -> float:
        """The product of the shares of both unfoldings' singular values."""
        inner = share(np.sqrt(self._squares_p), cut[0])
        return inner if cut[1] is None else inner * share(np.sqrt(self._squares_n), cut[1])

    def cut(self, cut: Cut) -> Factors:
        """Orthogonal iteration from the leading singular vectors; without a third factor these are the best."""
        rank, middle = cut
        inner = self._basis_p[:, :rank]
        if middle is None:
            return Factors(_single(inner.T), _single(self._kernel @ inner))
        outer, inner = self._iterated(self._basis_n[:, :middle], inner)
        return Factors(_single(inner.T), _single(np.tensordot(outer.T, self._kernel @ inner, 1)), _single(outer))

    def _iterated(self, outer: F64, inner: F64) -> tuple[F64, F64]:
        """Bases (N, M) and (P, K) that meet as much of the kernel as can be had."""
        filters, _, size = self._kernel.shape
        met = 0.0
        for _ in range(_ROUNDS):
            squares, vectors = _eigen((self._kernel @ inner).reshape(filters, -1).T)
            if squares[: outer.shape[1]].sum() <= met * (1 + _GAIN):
                break
            met, outer = squares[: outer.shape[1]].sum(), vectors[:, : outer.shape[1]]
            _, vectors = _eigen(np.tensordot(outer.T, self._kernel, 1).reshape(-1, size))
            inner = vectors[:, : inner.shape[1]]
        return outer, inner


def _eigen(rows: F64) -> tuple[F64, F64]:
    """Eigenvalues of rows' rows, descending, and the eigenvectors as columns."""
    dtype = np.float64 if rows.shape[1] <= _DOUBLE_UP_TO else np.float32
    single = rows.astype(dtype, copy=False)
    values, vectors = scipy.linalg.eigh(single.T @ single, overwrite_a=True, check_finite=False, driver="evd")
    return np.maximum(values[::-1].astype(np.float64), 0), vectors[:, ::-1].astype(np.float64)


def _single(array: F64) -> F32:
    return np.ascontiguousarray(array, np.float32)
