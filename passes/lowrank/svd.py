"""Singular value decomposition of wide or tall matrices by the Gram matrix of their smaller side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import DTypeLike, NDArray

_COLUMNS = 1 << 14
"""That are multiplied at a time."""

_DOUBLE_UP_TO = 2048
"""Sides up to this are decomposed in float64; above it float32 halves the time and is still orthonormal to 1e-6."""


class TruncatedProduct:
    """A matrix M (p, q) as left(K) @ right(K), optimal in the Frobenius norm for every rank K.

    The factors are a projection of M onto orthonormal eigenvectors of its Gram matrix, so at full rank the product is M
    to the eigenvectors' orthonormality, however small the last singular values are.

    Args:
        matrix: M.

    Attributes:
        singular_values: (min(p, q),) descending.
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self._tall = matrix.shape[0] > matrix.shape[1]
        self._wide = matrix.T if self._tall else matrix
        dtype = np.float64 if self._wide.shape[0] <= _DOUBLE_UP_TO else np.float32
        gram = np.zeros((len(self._wide), len(self._wide)), dtype)
        for part in self._parts(dtype):
            gram += part @ part.T
        values, vectors = scipy.linalg.eigh(gram, overwrite_a=True, check_finite=False, driver="evd")
        self._basis = np.ascontiguousarray(vectors[:, ::-1])
        self.singular_values: NDArray[np.float64] = np.sqrt(np.maximum(values[::-1].astype(np.float64), 0))

    def cut(self, rank: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(left (p, K), right (K, q)): both factors carry the square root of each singular value."""
        basis = self._basis[:, :rank]
        values = self.singular_values[:rank]
        significant = values > values[0] * np.finfo(np.float32).eps if values[0] > 0 else values > 0
        roots = np.sqrt(np.where(significant, values, 1.0)).astype(basis.dtype)
        near = (basis * roots).astype(np.float32)
        inverse = (basis / roots).T
        far = np.concatenate([(inverse @ part).astype(np.float32) for part in self._parts(basis.dtype)], axis=1)
        return (np.ascontiguousarray(far.T), np.ascontiguousarray(near.T)) if self._tall else (near, far)

    def _parts(self, dtype: DTypeLike) -> Iterator[NDArray[Any]]:
        """Columns of the wide matrix, so many at a time that no copy in another type takes more than the matrix."""
        for begin in range(0, self._wide.shape[1], _COLUMNS):
            yield self._wide[:, begin : begin + _COLUMNS].astype(dtype, copy=False)
