"""What all forms of two stages have in common.

A two-stage form splits the axes of a kernel (C, kh, kw) into those that its first stage sums over, P, and those that
its second stage sums over, Q:

    features[k, q] = sum_p A[k, p] x[p, q]          A (K, P), the first stage
    y[n]           = sum_kq B[n, q, k] features[k, q]   B (N, Q, K), the second

The spatial pair has P = (C, kh) and Q = kw, the channel form P = (C, kh, kw), and so on. Strides, dilations and pads go
to the stage that sums over their axis. With G groups everything holds per group, K included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from .form import Chain, Factorization, Form, Stage, Weights
from .svd import TruncatedProduct

_AXES = "cij"
"""Channel, row and column of a kernel."""


class Pair(Form):
    """A form of two stages.

    Attributes:
        reduced: the axes that the first stage sums over, of 'cij'.
        suffixes: appended to the layer's name for the first and the second stage.
    """

    reduced: ClassVar[str]
    suffixes: ClassVar[tuple[str, str]]

    def full_rank(self, layer: Layer) -> int:
        """min(P, N/G * Q)."""
        p, q = self.sizes(layer)
        return min(p, layer.filters // layer.group * q)

    def sizes(self, layer: Layer) -> tuple[int, int]:
        """(P, Q) of one group."""
        extent = dict(zip(_AXES, layer.kernel_shape, strict=True))
        p = int(np.prod([extent[axis] for axis in self.reduced]))
        return p, int(np.prod(layer.kernel_shape)) // p

    def order(self, layer: Layer) -> NDArray[np.intp]:
        """(Q*P,) positions in a flat (C, kh, kw) patch of the elements (q, p)."""
        positions = np.arange(int(np.prod(layer.kernel_shape))).reshape(layer.kernel_shape)
        kept = [axis for axis in range(3) if _AXES[axis] not in self.reduced]
        axes = [*kept, *(_AXES.index(axis) for axis in self.reduced)]
        order: NDArray[np.intp] = positions.transpose(axes).reshape(-1)
        return order

    def kernels(self, layer: Layer) -> NDArray[np.float32]:
        """(G, N/G, Q, P): the layer's weights in the order of the pair."""
        p, q = self.sizes(layer)
        flat = layer.weight.reshape(layer.group, layer.filters // layer.group, -1)
        return np.ascontiguousarray(flat[:, :, self.order(layer)]).reshape(layer.group, -1, q, p)

    def stages(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """The reducing stage, then the recovering one."""
        channels, height, width = layer.kernel_shape
        if not layer.is_conv:
            return (Stage(self.suffixes[0], (rank, channels)), Stage(self.suffixes[1], (layer.filters, rank)))
        rows, columns = "i" in self.reduced, "j" in self.reduced
        first = (layer.group * rank, channels, height if rows else 1, width if columns else 1)
        second = (layer.filters, rank, 1 if rows else height, 1 if columns else width)
        return (
            Stage(self.suffixes[0], first, layer.conv.restricted(rows=rows, columns=columns)),
            Stage(self.suffixes[1], second, layer.conv.restricted(rows=not rows, columns=not columns)),
        )

    def fold(self, layer: Layer, first: Sequence[Weights], second: Sequence[Weights]) -> list[Weights]:
        """The stages' weights from each group's A (K, P) and B (N/G, Q, K)."""
        shapes = [stage.shape for stage in self.stages(layer, first[0].shape[0])]
        reducing = np.concatenate(first).reshape(shapes[0])
        recovering = np.concatenate([b.transpose(0, 2, 1) for b in second]).reshape(shapes[1])
        return [np.ascontiguousarray(reducing, np.float32), np.ascontiguousarray(recovering, np.float32)]

    def factorize(self, layer: Layer) -> PairFactorization:
        """From the weights alone: one singular value decomposition per group."""
        return PairFactorization(self, layer)


class PairFactorization(Factorization):
    """The kernel cut by singular value decomposition, per group.

    Attributes:
        singular_values: (R,) descending, R the full rank; with groups, the sums over the groups.
    """

    def __init__(self, form: Pair, layer: Layer) -> None:
        self._form, self._layer = form, layer
        kernels = form.kernels(layer)
        self._products = [TruncatedProduct(kernel.reshape(-1, kernel.shape[-1])) for kernel in kernels]
        self._shape = kernels.shape[1:3]
        self.singular_values: NDArray[np.float64] = np.sum([p.singular_values for p in self._products], axis=0)

    def errors(self, ranks: Sequence[int]) -> list[float]:
        """Squared weights that rank K drops, over all of them (Eckart and Young)."""
        energies = np.sum([product.singular_values**2 for product in self._products], axis=0)
        total = energies.sum()
        return [float(energies[rank:].sum() / total) if total > 0 else 0.0 for rank in ranks]

    def chain(self, rank: int) -> Chain:
        """Both stages carry the square root of each singular value; the bias stays."""
        first, second = [], []
        for product in self._products:
            left, right = product.cut(rank)
            first.append(right)
            second.append(left.reshape(*self._shape, rank))
        return Chain(self._form.fold(self._layer, first, second), self._layer.bias)
