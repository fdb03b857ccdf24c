"""The factors that a form finds for one group of a layer, as plain matrices.

Every form writes the group's kernel as a product: A takes the inputs (q, p) to features, B mixes these, and where a
third stage follows, C recovers the filters from what B gives (see `pair.py` for what q and p are).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

Cut = tuple[int, int | None]
"""K, and M where there is a third stage."""


@dataclass(frozen=True, slots=True)
class Factors:
    """A, B and C of one group.

    Attributes:
        first: A (K, P), or (Q, K, P) where every q has one of its own.
        second: B (M, Q, K); M is N where there is no third factor.
        third: C (N, M), or None.
    """

    first: F32
    second: F32
    third: F32 | None = None

    @property
    def rank(self) -> int:
        """K."""
        return int(self.first.shape[-2])

    @property
    def middle(self) -> int | None:
        """M where there is a third factor."""
        return None if self.third is None else int(self.third.shape[1])

    @property
    def composed(self) -> F32:
        """C B (N, Q, K)."""
        if self.third is None:
            return self.second
        flat = self.third @ self.second.reshape(len(self.second), -1)
        return flat.reshape(len(flat), *self.second.shape[1:])

    @property
    def last(self) -> F32:
        """The last factor as a matrix (N, F)."""
        return self.second.reshape(len(self.second), -1) if self.third is None else self.third

    def with_last(self, last: F32) -> Factors:
        """These factors with another matrix as the last."""
        if self.third is None:
            return replace(self, second=last.reshape(self.second.shape))
        return replace(self, third=last)

    def features(self, rows: F32) -> F32:
        """(S, F): what the last factor is applied to, for patches (S, Q*P)."""
        reduced = reduce(self.first, rows)
        return reduced if self.third is None else reduced @ self.second.reshape(len(self.second), -1).T


def reduce(first: F32, rows: F32) -> F32:
    """(S, Q*K): A applied to every q of rows (S, Q*P)."""
    size = first.shape[-1]
    if first.ndim == 2:
        reduced: F32 = rows.reshape(-1, size) @ first.T
    else:
        reduced = np.matmul(rows.reshape(len(rows), -1, size).transpose(1, 0, 2), first.transpose(0, 2, 1))
        reduced = reduced.transpose(1, 0, 2)
    return reduced.reshape(len(rows), -1)
