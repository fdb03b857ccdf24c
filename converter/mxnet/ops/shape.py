"""Shapes: Reshape with all its codes, flattening, axes of size 1, shapes as data."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import BatchBoundError, Shape, count, follows_batch

_SOURCE = "src/operator/tensor/matrix_op-inl.h"


@operator("Reshape", source=_SOURCE)
def reshape(call: OperatorCall) -> Value:
    """To `shape`, in which 0 keeps a size, -1 is inferred, -2 keeps the rest, -3 merges two and -4 splits one."""
    shape = call.options.integers("shape", ())
    reverse = call.options.boolean("reverse", default=False)
    target = reshaped(call, call.data.shape, shape, reverse=reverse) if shape else _legacy_target(call)
    if count(target) != count(call.data.shape):
        raise call.error(f"data of shape {call.data.shape} does not become {target}")
    return call.value(call.reshape(call.data, target), target)


def _legacy_target(call: OperatorCall) -> Shape:
    """`target_shape` of the first releases: its one 0 is inferred; `keep_highest` keeps the first size."""
    target = list(call.options.integers("target_shape"))
    x = call.data.shape
    first = call.options.boolean("keep_highest", default=False)
    if first:
        target[:1] = [x[0]]
    unknown = [axis for axis in range(int(first), len(target)) if target[axis] == 0]
    if len(unknown) > 1:
        raise call.error(f"target_shape {tuple(target)} leaves more than one size open")
    for axis in unknown:
        target[axis] = count(x) // prod(size for i, size in enumerate(target) if i != axis)
    return tuple(target)


def reshaped(call: OperatorCall, shape: Shape, codes: Sequence[int], *, reverse: bool) -> Shape:
    """The shape that `codes` make of `shape` (InferReshapeShape); `reverse` reads both from the right."""
    source, wanted = (list(shape), list(codes))
    if reverse:
        source.reverse()
        wanted.reverse()
    result: list[int] = []
    place, at, inferred = 0, 0, -1
    try:
        while at < len(wanted):
            code = wanted[at]
            at += 1
            if code == 0:
                result.append(source[place])
                place += 1
            elif code == -1:
                if inferred >= 0:
                    raise call.error(f"shape {tuple(codes)} has more than one -1")
                inferred = len(result)
                result.append(1)
                place += 1
            elif code == -2:
                result.extend(source[place:])
                place = len(source)
            elif code == -3:
                result.append(source[place] * source[place + 1])
                place += 2
            elif code == -4:
                result.extend(_split(call, source[place], wanted[at], wanted[at + 1]))
                place, at = place + 1, at + 2
            elif code > 0:
                result.append(code)
                place += 1
            else:
                raise call.error(f"shape {tuple(codes)} has the code {code}, which means nothing")
    except IndexError:
        raise call.error(f"shape {tuple(codes)} reads more axes than data of shape {shape} has") from None
    if inferred >= 0:
        result[inferred] = count(shape) // max(1, count(result))
    return tuple(reversed(result)) if reverse else tuple(result)


def _split(call: OperatorCall, size: int, first: int, second: int) -> tuple[int, int]:
    """One axis in two, of which one may be -1."""
    if first == -1 and second not in (0, -1):
        first = size // second
    elif second == -1 and first not in (0, -1):
        second = size // first
    if first * second != size:
        raise call.error(f"an axis of {size} does not split into {first} and {second}")
    return first, second


@operator("reshape_like", source=_SOURCE)
def reshape_like(call: OperatorCall) -> Value:
    """The first input in the shape of the second, or with part of its axes replaced by part of the second's."""
    left, right = call.input(0), call.input(1)
    begin, end = (_bound(call, f"lhs_{key}", left.rank, at) for key, at in (("begin", 0), ("end", left.rank)))
    first, last = (_bound(call, f"rhs_{key}", right.rank, at) for key, at in (("begin", 0), ("end", right.rank)))
    shape = (*left.shape[:begin], *right.shape[first:last], *left.shape[end:])
    if count(shape) != count(left.shape):
        raise call.error(f"data of shape {left.shape} does not become {shape}")
    return call.value(call.reshape(left, shape), shape)


def _bound(call: OperatorCall, key: str, rank: int, default: int) -> int:
    value = call.options.optional_integer(key)
    if value is None:
        return default
    return value + rank if value < 0 else value


@operator("Flatten", source=_SOURCE)
def flatten(call: OperatorCall) -> Value:
    """All axes but the first become one."""
    x = call.data
    shape = (x.shape[0], count(x.shape[1:]))
    return call.like(x.tensor) if x.rank == 2 else call.value(call.emit("Flatten", [x], axis=1), shape)


@operator("expand_dims", source=_SOURCE)
def expand_dims(call: OperatorCall) -> Value:
    """A new axis of size 1 at `axis`."""
    axis = call.axis("axis", "required", call.data.rank + 1)
    shape = (*call.data.shape[:axis], 1, *call.data.shape[axis:])
    return call.value(call.emit("Unsqueeze", [call.data, call.integers([axis])]), shape)


@operator("squeeze", source="src/operator/numpy/np_matrix_op-inl.h")
def squeeze(call: OperatorCall) -> Value:
    """Without the axes `axis` of size 1, all such axes by default; one axis always stays."""
    x = call.data
    given = call.options.integers("axis", ())
    if not given and any(map(follows_batch, x.shape)):
        raise BatchBoundError(f"{call.node} drops every axis of size 1, the batch's too if that is 1")
    axes = [call.check_axis(axis, x.rank) for axis in given] or [i for i, n in enumerate(x.shape) if n == 1]
    if any(x.shape[axis] != 1 for axis in axes):
        raise call.error(f"axes {axes} of data of shape {x.shape} are not all of size 1")
    shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    if not shape:
        return call.value(call.reshape(x, (1,)), (1,))
    return call.value(call.emit("Squeeze", [x, call.integers(axes)]), shape) if axes else x


@operator("shape_array", source=_SOURCE)
def shape_array(call: OperatorCall) -> Value:
    """The shape, as int64."""
    return call.value(call.emit("Shape", [call.data]), (call.data.rank,), "int64")


@operator("size_array", source=_SOURCE)
def size_array(call: OperatorCall) -> Value:
    """The number of elements, as int64."""
    return call.value(call.reshape(call.emit("Size", [call.data]), (1,)), (1,), "int64")


@operator("broadcast_axis", source="src/operator/tensor/broadcast_reduce_op.h")
def broadcast_axis(call: OperatorCall) -> Value:
    """Axes of size 1 enlarged to `size`."""
    axes, sizes = call.options.integers("axis", ()), call.options.integers("size", ())
    if len(axes) != len(sizes):
        raise call.error(f"has {len(axes)} axes and {len(sizes)} sizes")
    target = list(call.data.shape)
    for axis, size in zip(axes, sizes, strict=True):
        target[call.check_axis(axis, call.data.rank)] = size
    return expand(call, target)


@operator("broadcast_to", source="src/operator/tensor/broadcast_reduce_op.h")
def broadcast_to(call: OperatorCall) -> Value:
    """To `shape`, in which 0 keeps the size."""
    shape = call.options.integers("shape", ())
    if len(shape) != call.data.rank:
        raise call.error(f"shape {shape} has not the {call.data.rank} axes of its data")
    return expand(call, [size or own for size, own in zip(shape, call.data.shape, strict=True)])


@operator("broadcast_like", source="src/operator/tensor/broadcast_reduce_op.h")
def broadcast_like(call: OperatorCall) -> Value:
    """To the shape of the second input, or the sizes of its `rhs_axes` on `lhs_axes`."""
    left, right = call.input(0), call.input(1)
    into, out_of = call.options.integers("lhs_axes", ()), call.options.integers("rhs_axes", ())
    if not into and left.rank != right.rank:
        raise call.error(f"shapes {left.shape} and {right.shape} have not as many axes")
    target = list(left.shape) if into else list(right.shape)
    for axis, other in zip(into, out_of, strict=False):
        target[call.check_axis(axis, left.rank)] = right.shape[call.check_axis(other, right.rank)]
    return expand(call, target, like=None if into else right)


def expand(call: OperatorCall, target: Sequence[int], like: Value | None = None) -> Value:
    """The first input broadcast to `target`, the shape of `like` if given."""
    x = call.data
    if any(size not in (1, wanted) for size, wanted in zip(x.shape, target, strict=True)):
        raise call.error(f"data of shape {x.shape} does not broadcast to {tuple(target)}")
    if like is not None and any(follows_batch(size) for size in target):
        return call.value(call.emit("Expand", [x, call.emit("Shape", [like])]), target)
    # Expand broadcasts both ways: a 1 keeps an axis that already has its size, such as the batch.
    sizes = [1 if own == wanted else wanted for own, wanted in zip(x.shape, target, strict=True)]
    return call.value(call.emit("Expand", [x, call.integers(sizes)]), target)
