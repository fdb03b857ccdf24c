"""Least squares through a Relu, or a rectifier that lets some of the negative values pass."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .shrinkage import factored

F32 = NDArray[np.float32]

_PENALTY = 0.1
"""The weight of the auxiliary response."""

_RELAXATION = 1.7
"""So far each step goes beyond what it solves for, which takes the place of two or three steps."""

_STEPS = 16
_LEAST_PROGRESS = 0.1
"""Share of the loss that a step must save, or it is the last."""

_STRONGEST = 1.25
"""More than this a response is not made stronger, nor weaker by more than its inverse."""

_RIDGE = 1e-4
"""Added to the features' Gram matrix, as a share of its mean diagonal."""


def rectified(values: F32, slopes: F32) -> F32:
    """`values` (S, N), negative ones times the slope of their channel (N,)."""
    result: F32 = np.where(values < 0, values * slopes, values) if slopes.any() else np.maximum(values, 0)
    return result


def fit_through_relu(
    features: F32,
    solution: F32,
    wanted: F32,
    offset: F32 | float,
    *,
    slopes: F32,
    prior: F32 | None = None,
    ridge: float = _RIDGE,
    moments: tuple[F32, F32] | None = None,
) -> F32:
    """Improve (F + 1, N) coefficients so that rectified([features, 1] coefficients + offset) meets rectified(wanted).

    Zhang et al., *Accelerating very deep convolutional networks for classification and detection*, 2015, section 2.2:
    minimize |wanted - relu(u)|^2 + penalty |u - r|^2 over the auxiliary u and the regression r in turn; here with the
    slopes of a PReLU, too (He et al., *Delving deep into rectifiers*, 2015), and over-relaxed (Eckstein and Bertsekas,
    *On the Douglas-Rachford splitting method and the proximal point algorithm*, 1992).

    Args:
        features: (S, F).
        solution: to start from; its last row is the intercept.
        wanted: (S, N) what the response should have been.
        offset: what is added to the regression before the rectifier.
        slopes: (N,) of the rectifier, 0 of a Relu.
        prior: coefficients that the ridge pulls to, by default 0.
        ridge: how strongly.
        moments: the mean (F,) of the features and X' X (F, F) about it, where they are known.
    """
    mean, gram = moments or _moments(features)
    pull = np.float32(ridge * (np.trace(gram) / len(gram) + len(features) * np.square(mean).mean()))
    factor = factored(gram, pull + np.finfo(np.float32).tiny)  # features may all be 0
    wanted = rectified(wanted, slopes)
    pulled = np.float32(0) if prior is None else pull * prior[:-1]
    best, least = solution, np.inf
    for _ in range(_STEPS):
        response = features @ solution[:-1] + solution[-1] + offset
        loss = float(np.square(wanted - rectified(response, slopes)).sum())
        enough = loss > (1 - _LEAST_PROGRESS) * least
        if loss < least:
            best, least = solution, loss
        if enough:
            break
        target = _auxiliary(response, wanted, _PENALTY, slopes) - offset
        level = target.mean(axis=0)
        weights = scipy.linalg.cho_solve(factor, features.T @ (target - level) + pulled, check_finite=False)
        solved = np.concatenate([weights, (level - mean @ weights)[None]])
        solution = (solution + _RELAXATION * (solved - solution)).astype(np.float32)
    return best


def _moments(features: F32) -> tuple[F32, F32]:
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = features - mean
    return mean, centred.T @ centred


def strengthened(features: F32, solution: F32, wanted: F32) -> F32:
    """(F + 1, N) coefficients whose responses are as strong behind a Relu as those that were wanted.

    What is fitted to inputs that hold errors answers too weakly (regression dilution), and a deep network that is
    fitted layer by layer fades. Restoring each channel's strength is what Jordan et al., *REPAIR: renormalizing
    permuted activations for interpolation repair*, 2023, do for merged networks. Here the factor is the ratio of
    energies and not its root, as more may be missing on images that nothing was fitted to. That was chosen on one
    network's evaluation images and is a small step (GoogLeNet pruned at 1.5 with the channels given: KL 0.256 without,
    0.238 with the root, 0.233 with the ratio, standard error of each 0.016).

    Args:
        features: (S, F).
        solution: of `fit_through_relu`.
        wanted: (S, N) what the response should have been.
    """
    response = features @ solution[:-1] + solution[-1]
    energies = [np.square(np.maximum(it, 0)).sum(axis=0, dtype=np.float64) for it in (wanted, response)]
    tiny = float(np.finfo(np.float32).tiny)
    factors = np.clip((energies[0] + tiny) / (energies[1] + tiny), 1 / _STRONGEST, _STRONGEST)
    result: F32 = solution * factors.astype(np.float32)
    return result


def _auxiliary(response: F32, wanted: F32, penalty: float, slopes: F32) -> F32:
    """The u that minimizes (wanted - rectified(u))^2 + penalty (u - response)^2, element by element."""
    if not slopes.any():  # of a Relu, `wanted` is not negative, and u is where the response is or between both
        bound = np.float32(1 - np.sqrt(1 + 1 / penalty))
        return np.where(response > bound * wanted, (penalty * response + wanted) / (penalty + 1), response)
    below = np.minimum((penalty * response + slopes * wanted) / (penalty + np.square(slopes)), 0)
    above = np.maximum((penalty * response + wanted) / (penalty + 1), 0)
    cost_below = np.square(wanted - slopes * below) + penalty * np.square(below - response)
    cost_above = np.square(wanted - above) + penalty * np.square(above - response)
    chosen: F32 = np.where(cost_below < cost_above, below, above)
    return chosen
