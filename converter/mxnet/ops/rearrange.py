"""Elements moved, not changed: transposition, blocks of depth, repetition, padding, reversal."""

from __future__ import annotations

from math import prod

from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import count, follows_batch

_SOURCE = "src/operator/tensor/matrix_op-inl.h"


@operator("transpose", source=_SOURCE)
def transpose(call: OperatorCall) -> Value:
    """Axes in the order `axes`, reversed without it."""
    x = call.data
    axes = [call.check_axis(axis, x.rank) for axis in call.options.integers("axes", ())]
    order = axes or list(reversed(range(x.rank)))
    if sorted(order) != list(range(x.rank)):
        raise call.error(f"axes {tuple(order)} are no order of the {x.rank} axes of its data")
    return call.value(call.emit("Transpose", [x], perm=order), [x.shape[axis] for axis in order])


@operator("SwapAxis", source="src/operator/swapaxis-inl.h")
def swap_axes(call: OperatorCall) -> Value:
    """The axes `dim1` and `dim2` exchanged."""
    x = call.data
    one, two = call.axis("dim1", 0), call.axis("dim2", 0)
    order = list(range(x.rank))
    order[one], order[two] = two, one
    return call.value(call.emit("Transpose", [x], perm=order), [x.shape[axis] for axis in order])


@operator("depth_to_space", "space_to_depth", source=_SOURCE)
def move_blocks(call: OperatorCall) -> Value:
    """Channels to blocks of pixels (ONNX's mode DCR), or back."""
    x, block = call.data, call.options.integer("block_size")
    if x.rank != 4 or block < 1:
        raise call.error(f"block_size {block} does not fit data of shape {x.shape}")
    n, c, h, w = x.shape
    if call.node.operator == "depth_to_space":
        if c % block**2:
            raise call.error(f"{c} channels do not divide by {block} squared")
        made = call.emit("DepthToSpace", [x], blocksize=block, mode="DCR")
        return call.value(made, (n, c // block**2, h * block, w * block))
    if h % block or w % block:
        raise call.error(f"data of shape {x.shape} does not divide into blocks of {block}")
    return call.value(call.emit("SpaceToDepth", [x], blocksize=block), (n, c * block**2, h // block, w // block))


@operator("tile", source=_SOURCE)
def tile(call: OperatorCall) -> Value:
    """The data repeated as a whole `reps` times along each axis; missing axes and repetitions are 1."""
    x, times = call.data, call.options.integers("reps")
    rank = max(x.rank, len(times))
    shape = (*[1] * (rank - x.rank), *x.shape)
    times = (*[1] * (rank - len(times)), *times)
    if min(times, default=1) < 1:
        raise call.error(f"reps {times} are not all positive")
    source = x if rank == x.rank else call.reshape(x, shape)
    tiled = call.emit("Tile", [source, call.integers(times)])
    return call.value(tiled, [n * t for n, t in zip(shape, times, strict=True)])


@operator("repeat", source=_SOURCE)
def repeat(call: OperatorCall) -> Value:
    """Each element `repeats` times along `axis`, or of the flattened data."""
    x, times = call.data, call.options.integer("repeats")
    if times < 1:
        raise call.error(f"repeats is {times}, not positive")
    axis = call.options.optional_integer("axis")
    shape = (count(x.shape),) if axis is None else x.shape
    axis = 0 if axis is None else call.check_axis(axis, x.rank)
    apart = call.reshape(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    factors = [times if i == axis + 1 else 1 for i in range(len(shape) + 1)]
    target = (*shape[:axis], shape[axis] * times, *shape[axis + 1 :])
    return call.value(call.reshape(call.emit("Tile", [apart, call.integers(factors)]), target), target)


@operator("Pad", source="src/operator/pad-inl.h")
def pad(call: OperatorCall) -> Value:
    """Constant, edge or reflect padding; `pad_width` gives (before, after) axis by axis."""
    x, widths = call.data, call.options.integers("pad_width")
    mode = call.options.text("mode", ("constant", "edge", "reflect"))
    value = call.options.number("constant_value", 0.0)
    if len(widths) != 2 * x.rank or min(widths) < 0:
        raise call.error(f"pad_width {widths} does not fit data of shape {x.shape}")
    before, after = widths[::2], widths[1::2]
    made = call.emit("Pad", [x, call.integers([*before, *after]), call.scalar(value)], mode=mode)
    return call.value(made, [n + b + a for n, b, a in zip(x.shape, before, after, strict=True)])


@operator("reverse", source=_SOURCE)
def reverse(call: OperatorCall) -> Value:
    """The axes `axis` back to front."""
    axes = [call.check_axis(axis, call.data.rank) for axis in call.options.integers("axis")]
    starts, ends, steps = ([number] * len(axes) for number in (-1, -(2**31), -1))
    return call.like(call.emit("Slice", [call.data, *map(call.integers, (starts, ends, axes, steps))]))


@operator("diag", source="src/operator/tensor/diag_op-inl.h")
def diag(call: OperatorCall) -> Value:
    """The k-th diagonal of a matrix."""
    x, offset = call.data, call.options.integer("k", 0)
    call.options.has("axis1")
    call.options.has("axis2")
    if x.rank != 2 or any(map(follows_batch, x.shape)):
        raise call.unsupported(f"is read for matrices of fixed size only, not for data of shape {x.shape}")
    rows, columns = max(0, -offset), max(0, offset)
    length = min(x.shape[0] - rows, x.shape[1] - columns)
    if length < 1:
        raise call.error(f"a matrix of shape {x.shape} has no diagonal {offset}")
    places = [(rows + i) * x.shape[1] + columns + i for i in range(length)]
    flat = call.reshape(x, (prod(x.shape),))
    return call.value(call.emit("Gather", [flat, call.integers(places)], axis=0), (length,))
