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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .factors import F32, Cut, Factors, reduce

F64 = NDArray[np.float64]

_RIDGE = 1e-7
"""Added to Gram matrices, as a share of their mean diagonal, before they are decomposed."""

_SMALLEST = 1e-12

_CG_STEPS = 10

_LEAST_STEP = 3e-4
"""Conjugate gradients stop after a step that takes less than this share off the squared error: after three to five, and
in the fourth digit of the error nothing is lost by it."""

_DOUBLE_UP_TO = 2048
"""Sides up to this are decomposed in float64; above it float32 takes an eighth of the time, and B makes up for it."""

_Linear = Callable[[F64], F64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Second moments of one group's patches and responses about their means.

    Sampled patches are few against their dimensions. So factors are fitted with G + s I in the place of G, and R + s W,
    which pulls the composed kernel to the layer's own W where the samples say little (see `..shrinkage`).

    Attributes:
        gram: G (Q*P, Q*P).
        cross: R (N, Q*P).
        energy: E|y|^2.
        mean_x: (Q*P,).
        mean_y: (N,).
        q: Q.
        kernel: W (N, Q*P), the layer's own.
        pull: s.
    """

    gram: F32
    cross: F32
    energy: float
    mean_x: F64
    mean_y: F64
    q: int
    kernel: F32
    pull: float

    @property
    def p(self) -> int:
        """P."""
        return len(self.gram) // self.q

    @property
    def weights(self) -> float:
        """What the pull adds to the energy: s |W|^2."""
        return self.pull * float(np.square(self.kernel, dtype=np.float64).sum())


@dataclass(frozen=True, slots=True)
class Fit:
    """Factors of one group, and how well they do.

    Attributes:
        factors: A, B and, where there are three stages, C.
        bias: (N,) what their output needs to have the responses' mean.
        error: mean squared error on the samples over E|y|^2.
        objective: the same with G + s I, which is what was minimized, and nearer to the error on unseen data.
    """

    factors: Factors
    bias: F64
    error: float
    objective: float


def start(moments: Moments, rank: int, *, own: bool = False) -> F32:
    """A (K, P) from the singular value decomposition of the whitened kernel; rows in falling importance.

    With S the mean over q of G's diagonal blocks and S = L L', the right singular vectors V of M L, M the kernel
    (N*Q, P), give A = V' L^-1; from the side of M where that is smaller, A = U' M with U those of M S M'.

    Args:
        moments: of the group.
        rank: K.
        own: whether every q has an A of its own; then (Q, K, P), from every block of G by itself.
    """
    matrix = moments.kernel.reshape(-1, moments.p).astype(np.float64 if own else _precision(moments))
    if own:
        return _start_own(matrix.reshape(-1, moments.q, moments.p).transpose(1, 0, 2), _blocks(moments), rank)
    mean_gram = _blocks(moments).mean(axis=0).astype(matrix.dtype, copy=False)
    if len(matrix) <= moments.p:
        first = _leading(matrix @ mean_gram @ matrix.T, rank).T @ matrix
        deviations = np.sqrt(np.einsum("kp,kp->k", first @ mean_gram, first, dtype=np.float64))
        return np.ascontiguousarray(first / np.maximum(deviations, _SMALLEST)[:, None], np.float32)
    lower = np.tril(_cholesky(mean_gram)[0])
    whitened = matrix @ lower
    leading = _leading(whitened.T @ whitened, rank)
    first = scipy.linalg.solve_triangular(lower, leading, trans="T", lower=True, check_finite=False).T
    return np.ascontiguousarray(first, np.float32)


def _precision(moments: Moments) -> type[np.float32 | np.float64]:
    """What large matrices are multiplied and decomposed in."""
    side = min(moments.p, moments.kernel.size // moments.p)
    return np.float64 if side <= _DOUBLE_UP_TO else np.float32


def _start_own(kernels: F64, blocks: F64, rank: int) -> F32:
    """(Q, K, P) for kernels (Q, N, P) and the Gram matrix of every q, (Q, P, P)."""
    lower = np.stack([np.tril(_cholesky(block)[0]) for block in blocks])
    whitened = kernels @ lower
    _, vectors = np.linalg.eigh(whitened.transpose(0, 2, 1) @ whitened)
    leading = vectors[:, :, ::-1][:, :, :rank]
    return np.ascontiguousarray(np.linalg.solve(lower.transpose(0, 2, 1), leading).transpose(0, 2, 1), np.float32)


def _leading(matrix: NDArray[np.floating[Any]], count: int) -> F64:
    """The eigenvectors of the `count` largest eigenvalues, as columns, the largest first."""
    size = len(matrix)
    if size > _DOUBLE_UP_TO:
        _, found = scipy.linalg.eigh(matrix.astype(np.float32), overwrite_a=True, check_finite=False, driver="evd")
        return np.ascontiguousarray(found[:, : -count - 1 : -1], np.float64)
    wanted = (max(size - count, 0), size - 1)
    _, vectors = scipy.linalg.eigh(matrix, subset_by_index=wanted, check_finite=False)
    leading: F64 = vectors[:, ::-1]
    return leading


def fit_second(first: F32, moments: Moments, middle: int | None = None) -> Fit:
    """The best B for a given A; the best C B of rank `middle` where there are three stages.

    B by normal equations; with three stages C are the leading eigenvectors of what B explains, and B is C' B.
    """
    features = _features(first, moments)
    flat = features.regress()
    basis = None if middle is None else _leading(features.explained(flat, pulled=True), middle)
    second = flat if basis is None else basis.T @ flat
    composed = flat if basis is None else basis @ second
    means = reduce(first, moments.mean_x[None].astype(np.float32))[0]
    factors = Factors(
        first=first,
        second=second.reshape(-1, moments.q, first.shape[-2]).astype(np.float32),
        third=None if basis is None else np.ascontiguousarray(basis, np.float32),
    )
    error, objective = features.errors(composed, moments)
    return Fit(factors, moments.mean_y - composed @ means, error, objective)


def errors_of_cuts(first: F32, moments: Moments, cuts: Sequence[Cut]) -> list[float]:
    """The objective at each (K, M) of the factors whose A is the first K rows of `first`, B and C being the best.

    With the features in the order (k, q), those of every K lead those of the next: the rows of one triangular solution
    tell what each adds.
    """
    if not moments.energy > 0:
        return [0.0] * len(cuts)
    features = _features(first, moments)
    order = np.arange(len(features.gram)).reshape(moments.q, -1).T.reshape(-1)
    lower, _ = _cholesky(features.pulled_gram[np.ix_(order, order)])
    solved = scipy.linalg.solve_triangular(lower, features.pulled_cross[:, order].T, lower=True, check_finite=False)
    total = moments.energy + moments.weights
    met = dict(_met_by_cuts(solved.reshape(-1, moments.q, solved.shape[1]), cuts))
    return [max(total - met[cut], 0.0) / total for cut in cuts]


def _met_by_cuts(solved: F64, cuts: Sequence[Cut]) -> Iterator[tuple[Cut, float]]:
    """What each cut meets of E|y|^2, from the rows (K, Q, N) that the features add."""
    added = np.square(solved).sum(axis=(1, 2)).cumsum()
    explained, done = np.zeros((solved.shape[2],) * 2), 0
    for rank in sorted({rank for rank, _ in cuts}):
        middles = {middle for other, middle in cuts if other == rank}
        if None in middles:
            yield (rank, None), float(added[rank - 1])
        if middles == {None}:
            continue
        rows = solved[done:rank].reshape(-1, solved.shape[2])
        explained, done = explained + rows.T @ rows, rank
        values = scipy.linalg.eigvalsh(explained, check_finite=False)[::-1].cumsum()
        for middle in middles:
            if middle is not None:
                yield (rank, middle), float(values[middle - 1])


def alternate(fit: Fit, moments: Moments, rounds: int) -> Fit:
    """Improve all factors in turn."""
    if moments.q == 1 or rounds == 0:
        return fit
    blocks = _blocks(moments)
    grams = [_cholesky(gram) for gram in (blocks if fit.factors.first.ndim == 3 else [blocks.mean(axis=0)])]
    best = fit
    for _ in range(rounds):
        first = _fit_first(best, moments, grams)
        tried = fit_second(first, moments, best.factors.middle)
        if tried.objective > best.objective * (1 - 1e-3):
            return tried if tried.objective < best.objective else best
        best = tried
    return best


def _blocks(moments: Moments) -> F64:
    """(Q, P, P): the diagonal blocks of G + s I."""
    blocks = moments.gram.reshape(moments.q, moments.p, moments.q, moments.p)
    stacked = np.stack([blocks[q, :, q] for q in range(moments.q)]).astype(np.float64)
    return stacked + moments.pull * np.eye(moments.p)


def _cholesky(gram: F64) -> tuple[F64, bool]:
    """The lower Cholesky factor of a Gram matrix with a ridge, a larger one where rounding left it indefinite."""
    scale = float(np.abs(np.diagonal(gram)).mean())
    for ridge in (_RIDGE, 1e-5, 1e-3, 1e-1, float(len(gram))):
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


@dataclass(frozen=True, slots=True)
class _Features:
    """Moments of what A yields.

    Attributes:
        gram: (Q*K, Q*K) of the features.
        cross: (N, Q*K) of the responses with them.
        pulled_gram: the first with s I in it.
        pulled_cross: the second with s W in it.
    """

    gram: F64
    cross: F64
    pulled_gram: F64
    pulled_cross: F64

    def regress(self) -> F64:
        """B as (N, Q*K)."""
        solved: F64 = scipy.linalg.cho_solve(_cholesky(self.pulled_gram), self.pulled_cross.T, check_finite=False).T
        return solved

    def explained(self, flat: F64, *, pulled: bool = False) -> F64:
        """(N, N): what part of E[y y'] a B explains."""
        gram, cross = (self.pulled_gram, self.pulled_cross) if pulled else (self.gram, self.cross)
        along = flat @ cross.T
        explained: F64 = along + along.T - flat @ gram @ flat.T
        return explained

    def errors(self, composed: F64, moments: Moments) -> tuple[float, float]:
        """The error of a B over E|y|^2; and with the distance to the layer's own kernel, over both."""
        if not moments.energy > 0:
            return 0.0, 0.0
        total = moments.energy + moments.weights
        met = _met(composed, self.gram, self.cross)
        pulled = _met(composed, self.pulled_gram, self.pulled_cross)
        return max(moments.energy - met, 0.0) / moments.energy, max(total - pulled, 0.0) / total


def _met(flat: F64, gram: F64, cross: F64) -> float:
    return float(2 * np.vdot(flat, cross) - np.vdot(flat @ gram, flat))


def _features(first: F32, moments: Moments) -> _Features:
    rank, q = first.shape[-2], moments.q
    gram = reduce(first, _products(first, moments).reshape(-1, len(moments.gram))).astype(np.float64)
    cross = reduce(first, moments.cross).astype(np.float64)
    if not moments.pull:
        return _Features(gram, cross, gram, cross)
    pulled = gram.copy().reshape(q, rank, q, rank)
    own = moments.pull * np.matmul(first, np.swapaxes(first, -1, -2), dtype=np.float64)
    pulled[np.arange(q), :, np.arange(q)] += own
    towards = cross + moments.pull * reduce(first, moments.kernel)
    return _Features(gram, cross, pulled.reshape(gram.shape), towards)


def _fit_first(fit: Fit, moments: Moments, grams: Sequence[tuple[F64, bool]]) -> F32:
    """The best A for the other factors at hand, by preconditioned conjugate gradients from the A at hand.

    `grams` are the Cholesky factors of S, or of every q's block where every q has an A of its own.
    """
    factors = fit.factors
    q, p, second, rank = moments.q, moments.p, factors.composed, factors.rank
    own = factors.first.ndim == 3
    flat = second.reshape(len(second), -1).astype(np.float64)
    mixing = (flat.T @ flat).reshape(q, rank, q, rank)
    blocks = np.stack([mixing[i, :, i] for i in range(q)])
    blocks = blocks if own else blocks.sum(axis=0, keepdims=True)
    mixers = [_cholesky(block) for block in blocks]
    weights = mixing.reshape(q, rank, q * rank).astype(np.float32)

    def apply(a: F64) -> F64:
        left = _products(a.astype(np.float32), moments).reshape(q * rank, q, p)
        mixed = np.matmul(weights, left.transpose(1, 0, 2))
        total: F64 = mixed.astype(np.float64) if own else mixed.sum(axis=0, dtype=np.float64, keepdims=True)
        total += moments.pull * (blocks @ a)
        return total

    def precondition(a: F64) -> F64:
        pairs = zip(mixers, grams, a, strict=True)
        return np.stack([_solve_both_sides(mixer, gram, block) for mixer, gram, block in pairs])

    subscripts = "nqk,nqp->qkp" if own else "nqk,nqp->kp"
    towards = (moments.cross + np.float32(moments.pull) * moments.kernel).reshape(-1, q, p)
    target = np.einsum(subscripts, second, towards, optimize=True).astype(np.float64)
    begin = factors.first.astype(np.float64).reshape(-1, rank, p)
    enough = _LEAST_STEP * fit.objective * (moments.energy + moments.weights)
    solved = _conjugate_gradients(apply, precondition, target.reshape(-1, rank, p), begin, enough)
    return solved.reshape(factors.first.shape).astype(np.float32)


def _solve_both_sides(left: tuple[F64, bool], right: tuple[F64, bool], matrix: F64) -> F64:
    """left^-1 matrix right^-1, of Cholesky factors."""
    half = scipy.linalg.cho_solve(left, matrix, check_finite=False)
    solved: F64 = scipy.linalg.cho_solve(right, half.T, check_finite=False).T
    return solved


def _conjugate_gradients(apply: _Linear, precondition: _Linear, target: F64, solution: F64, enough: float) -> F64:
    """Solve apply(A) = target from a start, until a step takes less than `enough` off <A, apply(A)> - 2 <A, target>."""
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
        if step * steepness < enough:
            break
        preconditioned = precondition(residual)
        previous, steepness = steepness, np.vdot(residual, preconditioned)
        direction = preconditioned + steepness / previous * direction
    return solution
