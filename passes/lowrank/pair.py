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
from ..options import Ranks
from .factors import Cut, Factors
from .form import Chain, Factorization, Form, Stage, Weights
from .truncation import SharedTruncation, Truncation

_AXES = "cij"
"""Channel, row and column of a kernel."""


class Pair(Form):
    """A form of two stages, or more: `triple.py` and `separable.py` vary it.

    Attributes:
        reduced: the axes that the first stage sums over, of 'cij'.
        suffixes: appended to the layer's name for each stage.
        own: whether every q has an A of its own.
    """

    reduced: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    own: ClassVar[bool] = False

    def full_ranks(self, layer: Layer) -> Ranks:
        """min(P, N/G * Q)."""
        p, q = self.sizes(layer)
        return (min(p, layer.filters // layer.group * q),)

    def middle(self, layer: Layer, ranks: Ranks) -> int | None:  # noqa: ARG002 - for forms that have it
        """The rank M of a third stage; None where there is none."""
        return None

    def cut(self, layer: Layer, ranks: Ranks) -> Cut:
        """K and M."""
        return ranks[0], self.middle(layer, ranks)

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

    def stages(self, layer: Layer, ranks: Ranks) -> Sequence[Stage]:
        """The reducing stage, then the recovering one."""
        rank = ranks[0]
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

    def fold(self, layer: Layer, factors: Sequence[Factors]) -> list[Weights]:
        """The stages' weights from each group's factors."""
        shapes = [stage.shape for stage in self.stages(layer, (factors[0].rank,))]
        reducing = np.concatenate([f.first for f in factors]).reshape(shapes[0])
        recovering = np.concatenate([f.second.transpose(0, 2, 1) for f in factors]).reshape(shapes[1])
        return [np.ascontiguousarray(reducing, np.float32), np.ascontiguousarray(recovering, np.float32)]

    def truncate(self, kernel: Weights) -> Truncation:
        """The kernel (N, Q, P) of one group, to be cut at any rank."""
        return SharedTruncation(kernel)

    def factorize(self, layer: Layer) -> PairFactorization:
        """From the weights alone, each group by itself."""
        return PairFactorization(self, layer)


class PairFactorization(Factorization):
    """The kernel of each group cut by singular value decomposition."""

    def __init__(self, form: Pair, layer: Layer) -> None:
        self._form, self._layer = form, layer
        self._groups = [form.truncate(kernel) for kernel in form.kernels(layer)]

    def errors(self, offered: Sequence[Ranks]) -> list[float]:
        """Squared weights that the ranks drop, over all of them."""
        total = sum(group.energy for group in self._groups)
        cuts = [self._form.cut(self._layer, ranks) for ranks in offered]
        dropped = np.sum([group.dropped(cuts) for group in self._groups], axis=0)
        return [float(squares / total) if total > 0 else 0.0 for squares in dropped]

    def kept(self, ranks: Ranks) -> float:
        """The share of singular values that is kept, accnn's measure; with groups, their mean."""
        return float(np.mean([group.kept(self._form.cut(self._layer, ranks)) for group in self._groups]))

    def chain(self, ranks: Ranks) -> Chain:
        """The bias stays."""
        cut = self._form.cut(self._layer, ranks)
        return Chain(self._form.fold(self._layer, [group.cut(cut) for group in self._groups]), self._layer.bias)
