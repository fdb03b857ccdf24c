"""How far to trust second moments of few samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .layers import Layer

F32 = NDArray[np.float32]

_LARGEST_SHARE = 0.9
"""Of the diagonal matrix in a shrunk Gram matrix."""

_ROUNDING = 16
"""So many units in the last place of the trace; where all samples are alike, seven were seen."""

_ALIKE = 8
"""So many patches of one image tell as much as one of another (the error on unseen images is least at 5 to 10)."""


def shrinkage(gram: NDArray[np.floating[Any]], count: float, *, size: int | None = None) -> float:
    """What to add to the diagonal of a Gram matrix of so many independent samples.

    The oracle approximating shrinkage of Chen, Wiesel, Eldar and Hero, *Shrinkage algorithms for MMSE covariance
    estimation*, 2010, equation 23: (1 - rho) G + rho tr(G)/D I, here over 1 - rho.

    Args:
        gram: X' X / S (D, D), or X X' / S.
        count: independent samples.
        size: D, where the other is given.
    """
    size = size or len(gram)
    trace, square = float(np.trace(gram)), float(np.vdot(gram, gram))
    above = (1 - 2 / size) * square + trace**2
    below = (count + 1 - 2 / size) * (square - trace**2 / size)
    share = min(above / below, _LARGEST_SHARE) if below > 0 else _LARGEST_SHARE
    return share / (1 - share) * trace / size


def rounding(gram: NDArray[np.floating[Any]]) -> float:
    """What to add to the diagonal of a Gram matrix added up in float32, by which an eigenvalue may be too small."""
    return _ROUNDING * float(np.finfo(np.float32).eps * np.trace(gram) + np.finfo(np.float32).tiny)


def factored(gram: F32, ridge: float) -> tuple[F32, bool]:
    """The lower Cholesky factor of a Gram matrix with `ridge` on its diagonal, for `scipy.linalg.cho_solve`."""
    regular = gram.T.copy(order="F")  # as LAPACK wants it
    regular[np.diag_indices_from(regular)] += ridge
    factor: tuple[F32, bool] = scipy.linalg.cho_factor(regular, lower=True, overwrite_a=True, check_finite=False)
    return factor


def effective_count(layer: Layer, samples: int) -> float:
    """How many independent samples so many patches are worth: those of one image resemble each other."""
    return samples / min(math.prod(layer.output_size), _ALIKE)
