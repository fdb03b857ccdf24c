"""Data-aware factors of a pair from second moments alone.

The pair of `pair.py` is fitted to responses y of the layer on patches x, x in the order (q, p). All that is needed of
the data is, about the means, G = E[x x'] (QP, QP) and R = E[y x'] (N, QP). The mean squared error of the composed
kernel T is E|y|^2 - 2 tr(R T') + tr(T G T'); with B given it is quadratic in A and the other way round.

Start: whitened singular value decomposition, optimal where Q is 1 (reduced-rank regression; Izenman, *Reduced-rank
regression for the multivariate linear model*, 1975). Then alternating least squares: B by normal equations, A by
conjugate gradients with the Kronecker preconditioner of the two factors' mean Gram matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_RIDGE = 1e-5
"""Added to Gram matrices, as a share of their mean diagonal: sampled patches can be fewer than their dimensions."""

_SMALLEST = 1e-12

_CG_STEPS = 10

_SOLVED_RANKS = 8

_Linear = Callable[[F64], F64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Second moments of one group's patches and responses about their means.

    Attributes:
        gram: G (Q*P, Q*P).
        cross: R (N, Q*P).
        energy: E|y|^2.
        mean_x: (Q*P,).
        mean_y: (N,).
        q: Q.
    """

    gram: F32
    cross: F32
    energy: float
    mean_x: F64
    mean_y: F64
    q: int

    @property
    def p(self) -> int:
        """P."""
        return len(self.gram) // self.q

    @property
    def filters(self) -> int:
        """N of the group."""
        return len(self.cross)


@dataclass(frozen=True, slots=True)
class PairFactors:
    """A and B of one group, and how well they do.

    Attributes:
        first: A (K, P).
        second: B (N, Q, K).
        bias: (N,) what the pair's output needs to have the responses' mean.
        error: mean squared error over E|y|^2.
    """

    first: F32
    second: F32
    bias: F64
    error: float


def start(kernel: F32, moments: Moments, rank: int) -> F32:
    """A (K, P) from the singular value decomposition of the whitened kernel; rows in falling importance.

    With S the mean over q of G's diagonal blocks and S = L L', the right singular vectors V of M L, M the kernel
    (N*Q, P), give A = V' L^-1; from the side of M where that is smaller, A = U' M with U those of M S M'.
    """
    mean_gram = _mean_gram(moments)
    matrix = kernel.reshape(-1, moments.p).astype(np.float64)
    if len(matrix) <= moments.p:
        return np.ascontiguousarray(_leading(matrix @ mean_gram @ matrix.T, rank).T @ matrix, np.float32)
    lower = np.tril(_cholesky(mean_gram)[0])
    whitened = matrix @ lower
    leading = _leading(whitened.T @ whitened, rank)
    first = scipy.linalg.solve_triangular(lower, leading, trans="T", lower=True, check_finite=False).T
    return np.ascontiguousarray(first, np.float32)


def _leading(matrix: F64, count: int) -> F64:
    """The eigenvectors of the `count` largest eigenvalues, as columns, the largest first."""
    size = len(matrix)
    wanted = (max(size - count, 0), size - 1)
    _, vectors = scipy.linalg.eigh(matrix, subset_by_index=wanted, check_finite=False)
    leading: F64 = vectors[:, ::-1]
    return leading


def fit_second(first: F32, moments: Moments) -> PairFactors:
    """The best B for a given A."""
    gram, cross = _feature_moments(first, moments)
    return _solve_second(first, gram, cross, moments)


def errors_of_ranks(first: F32, moments: Moments, ranks: Sequence[int]) -> list[float]:
    """The error at each rank of the pair whose A is the first rows of `first`, B being the best.

    At most `_SOLVED_RANKS` of them are solved for; between these the logarithm of the error is interpolated.
    """
    rank_max, q = len(first), moments.q
    gram, cross = _feature_moments(first, moments)
    gram, cross = gram.reshape(q, rank_max, q, rank_max), cross.reshape(-1, q, rank_max)
    chosen = np.unique(np.linspace(0, len(ranks) - 1, _SOLVED_RANKS).round().astype(int))
    errors = []
    for rank in (ranks[index] for index in chosen):
        part = gram[:, :rank, :, :rank].reshape(q * rank, q * rank)
        solved = _solve_second(first[:rank], part, cross[:, :, :rank].reshape(-1, q * rank), moments)
        errors.append(max(solved.error, 1e-12))
    curve = np.interp(ranks, [ranks[index] for index in chosen], np.log(errors))
    return [float(error) for error in np.exp(curve)]


def alternate(factors: PairFactors, moments: Moments, rounds: int) -> PairFactors:
    """Improve both factors in turn."""
    if moments.q == 1 or rounds == 0:
        return factors
    mean_gram = _cholesky(_mean_gram(moments))
    best = factors
    for _ in range(rounds):
        first = _fit_first(best, moments, mean_gram)
        tried = fit_second(first, moments)
        if tried.error > best.error * (1 - 1e-3):
            return tried if tried.error < best.error else best
        best = tried
    return best


def _mean_gram(moments: Moments) -> F64:
    """S (P, P): the mean over q of the diagonal blocks of G."""
    blocks = moments.gram.reshape(moments.q, moments.p, moments.q, moments.p)
    total: F64 = np.mean([blocks[q, :, q] for q in range(moments.q)], axis=0, dtype=np.float64)
    return total


def _cholesky(gram: F64) -> tuple[F64, bool]:
    """The lower Cholesky factor of a Gram matrix with a ridge, a larger one where rounding left it indefinite."""
    scale = float(np.abs(np.diagonal(gram)).mean())
    for ridge in (_RIDGE, 1e-3, 1e-1, float(len(gram))):
        regular = gram.copy()
        regular[np.diag_indices_from(regular)] += max(ridge * scale, _SMALLEST)
        try:
            factor: tuple[F64, bool] = scipy.linalg.cho_factor(regular, lower=True, check_finite=False)
        except scipy.linalg.LinAlgError:
            continue
        return factor
    raise ArithmeticError("a Gram matrix is far from positive definite")


def _products(first: F32, moments: Moments) -> F32:
    """A applied to one side of G: (Q, K, Q*P)."""
    products: F32 = np.matmul(first, moments.gram.reshape(moments.q, moments.p, -1))
    return products


def _feature_moments(first: F32, moments: Moments) -> tuple[F64, F64]:
    """The features' Gram matrix (Q*K, Q*K) and their products with the responses (N, Q*K)."""
    q, rank = moments.q, len(first)
    left = _products(first, moments).reshape(q * rank * q, moments.p)
    gram = (left @ first.T).reshape(q * rank, q * rank).astype(np.float64)
    cross = (moments.cross.reshape(-1, moments.p) @ first.T).reshape(-1, q * rank).astype(np.float64)
    return gram, cross


def _solve_second(first: F32, gram: F64, cross: F64, moments: Moments) -> PairFactors:
    flat = scipy.linalg.cho_solve(_cholesky(gram), cross.T, check_finite=False).T
    squared = moments.energy - 2 * np.vdot(flat, cross) + np.vdot(flat @ gram, flat)
    means = (moments.mean_x.reshape(moments.q, moments.p) @ first.T).reshape(-1)
    return PairFactors(
        first=first,
        second=flat.reshape(-1, moments.q, len(first)).astype(np.float32),
        bias=moments.mean_y - flat @ means,
        error=max(float(squared), 0.0) / moments.energy if moments.energy > 0 else 0.0,
    )


def _fit_first(factors: PairFactors, moments: Moments, mean_gram: tuple[F64, bool]) -> F32:
    """The best A for the B at hand, by preconditioned conjugate gradients from the A at hand.

    `mean_gram` is the Cholesky factor of S.
    """
    q, p, second = moments.q, moments.p, factors.second
    rank = second.shape[2]
    flat = second.reshape(len(second), -1).astype(np.float64)
    mixing = (flat.T @ flat).reshape(q, rank, q, rank)
    own_factor = _cholesky(np.sum([mixing[i, :, i] for i in range(q)], axis=0))
    weights = mixing.reshape(q, rank, q * rank).astype(np.float32)

    def apply(a: F64) -> F64:
        left = _products(a.astype(np.float32), moments).reshape(q * rank, q, p)
        total: F64 = np.sum([weights[i] @ left[:, i] for i in range(q)], axis=0, dtype=np.float64)
        return total

    def precondition(a: F64) -> F64:
        half = scipy.linalg.cho_solve(own_factor, a, check_finite=False)
        solved: F64 = scipy.linalg.cho_solve(mean_gram, half.T, check_finite=False).T
        return solved

    target = np.einsum("nqk,nqp->kp", second, moments.cross.reshape(-1, q, p), optimize=True).astype(np.float64)
    return _conjugate_gradients(apply, precondition, target, factors.first.astype(np.float64)).astype(np.float32)


def _conjugate_gradients(apply: _Linear, precondition: _Linear, target: F64, solution: F64) -> F64:
    """Solve apply(A) = target from a start."""
    residual = target - apply(solution)
    direction = precondition(residual)
    steepness = np.vdot(residual, direction)
    for _ in range(_CG_STEPS):
        product = apply(direction)
        curvature = np.vdot(direction, product)
        if curvature <= 0 or steepness <= 0:
            break
        step = steepness / curvature
        solution = solution + step * direction
        residual = residual - step * product
        preconditioned = precondition(residual)
        previous, steepness = steepness, np.vdot(residual, preconditioned)
        direction = preconditioned + steepness / previous * direction
    return solution
