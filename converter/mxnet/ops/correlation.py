"""Correlation of two feature maps, as FlowNet compares them."""

from __future__ import annotations

import math

from ...pooling import mxnet_windows, pool
from ...reduction import reduce
from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import Shape, check_static

_MOST_DISPLACEMENTS = 1024


@operator("Correlation", source="src/operator/correlation-inl.h")
def correlation(call: OperatorCall) -> Value:
    """For each displacement the mean, over channels and a window, of the product (or distance) of both maps."""
    options, x = call.options, call.data
    kernel, most = options.integer("kernel_size", 1), options.integer("max_displacement", 1)
    step, grid = options.integer("stride1", 1), options.integer("stride2", 1)
    pad = options.integer("pad_size", 0)
    multiply = options.boolean("is_multiply", default=True)
    if x.rank != 4 or call.input(1).shape != x.shape or min(kernel, step, grid) < 1 or min(most, pad) < 0:
        raise call.error(f"its options do not fit data of shapes {x.shape} and {call.input(1).shape}")
    check_static(x.shape[2:], "the maps follow the batch")
    radius = most // grid
    if (2 * radius + 1) ** 2 > _MOST_DISPLACEMENTS:
        raise call.unsupported(f"compares {(2 * radius + 1) ** 2} displacements, each of which takes three operators")
    border = most + (kernel - 1) // 2
    sizes = tuple(math.ceil((n + 2 * pad - 2 * border) / step) for n in x.shape[2:])
    if min(sizes) < 1:
        raise call.error(f"max_displacement {most} leaves nothing of data of shape {x.shape}")
    first, second = (_padded(call, call.input(index), pad) for index in (0, 1))
    shifts = [grid * (index - radius) for index in range(2 * radius + 1)]
    extent = tuple((m - 1) * step + kernel for m in sizes)
    own = _window(call, first, (most, most), extent)
    compared = [
        _compare(call, own, _window(call, second, (most + dy, most + dx), extent), multiply=multiply)
        for dy in shifts
        for dx in shifts
    ]
    joined = call.emit("Concat", compared, axis=1)
    windows = mxnet_windows(extent, (kernel, kernel), (step, step), (0, 0), "valid")
    made = pool(call.builder, joined, windows, "average") if kernel * step > 1 else joined
    return call.value(made, (x.shape[0], len(compared), *sizes))


def _padded(call: OperatorCall, value: Value, pad: int) -> Tensor:
    return call.emit("Pad", [value, call.integers([0, 0, pad, pad] * 2)]) if pad else value


def _window(call: OperatorCall, data: Tensor, start: tuple[int, int], extent: Shape) -> str:
    ends = [begin + size for begin, size in zip(start, extent, strict=True)]
    return call.emit("Slice", [data, call.integers(start), call.integers(ends), call.integers([2, 3])])


def _compare(call: OperatorCall, left: Tensor, right: Tensor, *, multiply: bool) -> str:
    """The mean over channels: (N, 1, h, w)."""
    each = call.emit("Mul" if multiply else "Sub", [left, right])
    return reduce(call.builder, "Mean", each if multiply else call.emit("Abs", [each]), [1])
