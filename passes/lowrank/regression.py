"""Data-aware factors of a pair from second moments alone.

The pair of `pair.py` is fitted to responses y of the layer on patches x, x in the order (q, p). All that is needed of
the data is, about the means, G = E[x x'] (QP, QP) and R = E[y x'] (N, QP). The mean squared error of the composed
kernel T is E|y|^2 - 2 tr(R T') + tr(T G T'); with B given it is quadratic in A and the other way round. A form of three
stages asks for B of a given rank M, which is reduced-rank regression on the features, again in closed form. A form in
which every q has an A of its own is fitted in the same way, with blocks in the place of means over q.

Start: whitened singular value decomposition, optimal where Q is 1 (reduced-rank regression; Izenman, *Reduced-rank
regression for the multivariate linear model*, 1975). Then alternating least squares: B by normal equations, A by
conjugate gradients with the Kronecker preconditioner of the two factors' mean Gram matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .factors import F32, Cut, Factors, reduce

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
class Fit:
    """Factors of one group, and how well they do.

    Attributes:
        factors: A, B and, where there are three stages, C.
        bias: (N,) what their output needs to have the responses' mean.
        error: mean squared error over E|y|^2.
    """

    factors: Factors
    bias: F64
    error: float


def start(kernel: F32, moments: Moments, rank: int, *, own: bool = False) -> F32:
    """A (K, P) from the singular value decomposition of the whitened kernel; rows in falling importance.

    With S the mean over q of G's diagonal blocks and S = L L', the right singular vectors V of M L, M the kernel
    (N*Q, P), give A = V' L^-1; from the side of M where that is smaller, A = U' M with U those of M S M'.

    Args:
        kernel: (N, Q, P).
        moments: of the group.
        rank: K.
        own: whether every q has an A of its own; then (Q, K, P), from every block of G by itself.
    """
    if own:
        return _start_own(kernel.astype(np.float64).transpose(1, 0, 2), _blocks(moments), rank)
    mean_gram = _blocks(moments).mean(axis=0)
    matrix = kernel.reshape(-1, moments.p).astype(np.float64)
    if len(matrix) <= moments.p:
        return np.ascontiguousarray(_leading(matrix @ mean_gram @ matrix.T, rank).T @ matrix, np.float32)
    lower = np.tril(_cholesky(mean_gram)[0])
    whitened = matrix @ lower
    leading = _leading(whitened.T @ whitened, rank)
    first = scipy.linalg.solve_triangular(lower, leading, trans="T", lower=True, check_finite=False).T
    return np.ascontiguousarray(first, np.float32)


def _start_own(kernels: F64, blocks: F64, rank: int) -> F32:
    """(Q, K, P) for kernels (Q, N, P) and the Gram matrix of every q, (Q, P, P)."""
    lower = np.stack([np.tril(_cholesky(block)[0]) for block in blocks])
    whitened = kernels @ lower
    _, vectors = np.linalg.eigh(whitened.transpose(0, 2, 1) @ whitened)
    leading = vectors[:, :, ::-1][:, :, :rank]
    return np.ascontiguousarray(np.linalg.solve(lower.transpose(0, 2, 1), leading).transpose(0, 2, 1), np.float32)


def _leading(matrix: F64, count: int) -> F64:
    """The eigenvectors of the `count` largest eigenvalues, as columns, the largest first."""
    size = len(matrix)
    wanted = (max(size - count, 0), size - 1)
    _, vectors = scipy.linalg.eigh(matrix, subset_by_index=wanted, check_finite=False)
    leading: F64 = vectors[:, ::-1]
    return leading


def fit_second(first: F32, moments: Moments, middle: int | None = None) -> Fit:
    """The best B for a given A; the best C B of rank `middle` where there are three stages."""
    gram, cross = _feature_moments(first, moments)
    return _solve_second(first, gram, cross, moments, middle)


def errors_of_cuts(first: F32, moments: Moments, cuts: Sequence[Cut]) -> list[float]:
    """The error at each (K, M) of the factors whose A is the first K rows of `first`, B and C being the best.

    For at most `_SOLVED_RANKS` of all K they are solved for; between these the logarithm of the error is interpolated.
    """
    rank_max, q = first.shape[-2], moments.q
    gram, cross = _feature_moments(first, moments)
    gram, cross = gram.reshape(q, rank_max, q, rank_max), cross.reshape(-1, q, rank_max)
    firsts = sorted({rank for rank, _ in cuts})
    middles = {middle for _, middle in cuts}
    chosen = np.unique(np.linspace(0, len(firsts) - 1, _SOLVED_RANKS).round().astype(int))
    solved = [firsts[index] for index in chosen]
    logarithms: dict[int | None, list[float]] = {middle: [] for middle in middles}
    for rank in solved:
        part = gram[:, :rank, :, :rank].reshape(q * rank, q * rank)
        for middle, error in _errors_of_middles(part, cross[:, :, :rank].reshape(-1, q * rank), moments, middles):
            logarithms[middle].append(float(np.log(max(error, 1e-12))))
    return [float(np.exp(np.interp(rank, solved, logarithms[middle]))) for rank, middle in cuts]


def _errors_of_middles(
    gram: F64, cross: F64, moments: Moments, middles: Collection[int | None]
) -> Iterator[tuple[int | None, float]]:
    """The error for each rank of C B; None leaves B as it is."""
    _, explained = _regress(gram, cross)
    total = float(np.trace(explained))
    values = np.zeros(0) if middles == {None} else np.linalg.eigvalsh(explained)[::-1]
    for middle in middles:
        met = total if middle is None else float(values[:middle].sum())
        yield middle, max(moments.energy - met, 0.0) / moments.energy if moments.energy > 0 else 0.0


def alternate(fit: Fit, moments: Moments, rounds: int) -> Fit:
    """Improve all factors in turn."""
    if moments.q == 1 or rounds == 0:
        return fit
    blocks = _blocks(moments)
    grams = [_cholesky(gram) for gram in (blocks if fit.factors.first.ndim == 3 else [blocks.mean(axis=0)])]
    best = fit
    for _ in range(rounds):
        first = _fit_first(best.factors, moments, grams)
        tried = fit_second(first, moments, best.factors.middle)
        if tried.error > best.error * (1 - 1e-3):
            return tried if tried.error < best.error else best
        best = tried
    return best


def _blocks(moments: Moments) -> F64:
    """(Q, P, P): the diagonal blocks of G."""
    blocks = moments.gram.reshape(moments.q, moments.p, moments.q, moments.p)
    return np.stack([blocks[q, :, q] for q in range(moments.q)]).astype(np.float64)


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
    left = _products(first, moments).reshape(-1, len(moments.gram))
    return reduce(first, left).astype(np.float64), reduce(first, moments.cross).astype(np.float64)


def _regress(gram: F64, cross: F64) -> tuple[F64, F64]:
    """B as (N, Q*K), and (N, N): what part of E[y y'] it explains."""
    flat = scipy.linalg.cho_solve(_cholesky(gram), cross.T, check_finite=False).T
    along = flat @ cross.T
    return flat, along + along.T - flat @ gram @ flat.T


def _solve_second(first: F32, gram: F64, cross: F64, moments: Moments, middle: int | None) -> Fit:
    """B by normal equations; with three stages C are the leading eigenvectors of what B explains, and B is C' B."""
    flat, explained = _regress(gram, cross)
    basis = None if middle is None else _leading(explained, middle)
    met = float(np.trace(explained if basis is None else basis.T @ explained @ basis))
    second = flat if basis is None else basis.T @ flat
    composed = flat if basis is None else basis @ second
    means = reduce(first, moments.mean_x[None].astype(np.float32))[0]
    factors = Factors(
        first=first,
        second=second.reshape(-1, moments.q, first.shape[-2]).astype(np.float32),
        third=None if basis is None else np.ascontiguousarray(basis, np.float32),
    )
    error = max(moments.energy - met, 0.0) / moments.energy if moments.energy > 0 else 0.0
    return Fit(factors, moments.mean_y - composed @ means, error)


def _fit_first(factors: Factors, moments: Moments, grams: Sequence[tuple[F64, bool]]) -> F32:
    """The best A for the other factors at hand, by preconditioned conjugate gradients from the A at hand.

    `grams` are the Cholesky factors of S, or of every q's block where every q has an A of its own.
    """
    q, p, second, rank = moments.q, moments.p, factors.composed, factors.rank
    own = factors.first.ndim == 3
    flat = second.reshape(len(second), -1).astype(np.float64)
    mixing = (flat.T @ flat).reshape(q, rank, q, rank)
    blocks = np.stack([mixing[i, :, i] for i in range(q)])
    mixers = [_cholesky(block) for block in (blocks if own else [blocks.sum(axis=0)])]
    weights = mixing.reshape(q, rank, q * rank).astype(np.float32)

    def apply(a: F64) -> F64:
        left = _products(a.astype(np.float32), moments).reshape(q * rank, q, p)
        mixed: F64 = np.matmul(weights, left.transpose(1, 0, 2)).astype(np.float64)
        return mixed if own else mixed.sum(axis=0, keepdims=True)

    def precondition(a: F64) -> F64:
        pairs = zip(mixers, grams, a, strict=True)
        return np.stack([_solve_both_sides(mixer, gram, block) for mixer, gram, block in pairs])

    subscripts = "nqk,nqp->qkp" if own else "nqk,nqp->kp"
    target = np.einsum(subscripts, second, moments.cross.reshape(-1, q, p), optimize=True).astype(np.float64)
    begin = factors.first.astype(np.float64).reshape(-1, rank, p)
    solved = _conjugate_gradients(apply, precondition, target.reshape(-1, rank, p), begin)
    return solved.reshape(factors.first.shape).astype(np.float32)


def _solve_both_sides(left: tuple[F64, bool], right: tuple[F64, bool], matrix: F64) -> F64:
    """left^-1 matrix right^-1, of Cholesky factors."""
    half = scipy.linalg.cho_solve(left, matrix, check_finite=False)
    solved: F64 = scipy.linalg.cho_solve(right, half.T, check_finite=False).T
    return solved


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
