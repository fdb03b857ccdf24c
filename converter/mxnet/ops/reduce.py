"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Sequence

from ...reduction import Reduction, reduce
from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import Shape, count, follows_batch

_REDUCTIONS: dict[str, Reduction] = {"sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min", "prod": "Prod"}
_SOURCE = "src/operator/tensor/broadcast_reduce_op.h"


@operator(*_REDUCTIONS, "_square_sum", "nansum", "nanprod", source=_SOURCE)
def reduction(call: OperatorCall) -> Value:
    """Over `axis` (all without it), or with `exclude` over the others; MXNet keeps one axis of a full reduction."""
    axes = _axes(call)
    keep = call.options.boolean("keepdims", default=False)
    name = call.node.operator
    data: Tensor = call.data
    if name.startswith("nan"):
        neutral = call.scalar(0 if name == "nansum" else 1)
        data, name = call.emit("Where", [call.emit("IsNaN", [data]), neutral, data]), name.removeprefix("nan")
    kind: Reduction = "SumSquare" if name == "_square_sum" else _REDUCTIONS[name]
    return reduced(call, kind, data, axes, keepdims=keep)


@operator("norm", source=_SOURCE)
def norm(call: OperatorCall) -> Value:
    """The l1 or l2 norm over `axis`."""
    order = call.options.integer("ord", 2)
    if order not in (1, 2):
        raise call.error(f"ord {order} is neither 1 nor 2")
    call.options.has("out_dtype")
    keep = call.options.boolean("keepdims", default=False)
    return reduced(call, "L1" if order == 1 else "L2", call.data, _axes(call), keepdims=keep)


@operator("moments", source="src/operator/nn/moments-inl.h")
def moments(call: OperatorCall) -> Sequence[Value]:
    """Mean and biased variance over `axes`."""
    axes = _axes(call, "axes")
    keep = call.options.boolean("keepdims", default=False)
    mean = reduced(call, "Mean", call.data, axes, keepdims=keep)
    centred = call.emit("Sub", [call.data, reduce(call.builder, "Mean", call.data.tensor, axes)])
    return mean, reduced(call, "Mean", call.emit("Mul", [centred, centred]), axes, keepdims=keep)


def reduced(call: OperatorCall, kind: Reduction, data: Tensor, axes: Sequence[int], *, keepdims: bool) -> Value:
    """The reduction of `data`, which has the first input's shape, with MXNet's shape of the result."""
    x = call.data
    name = data if isinstance(data, str) else data.tensor
    kept: Shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    if not axes:
        return call.like(name)
    if keepdims:
        return call.value(reduce(call.builder, kind, name, axes), kept)
    shape = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    made = reduce(call.builder, kind, name, axes, keepdims=not shape)
    return call.value(made if shape else call.reshape(made, (1,)), shape or (1,))


def _axes(call: OperatorCall, key: str = "axis") -> list[int]:
    """Counted from the front; an absent or empty `axis` means all, also with `exclude`."""
    given = call.options.integers(key, ())
    axes = sorted({call.check_axis(axis, call.data.rank) for axis in given})
    if not axes:
        return list(range(call.data.rank))
    if call.options.boolean("exclude", default=False):
        return [axis for axis in range(call.data.rank) if axis not in axes]
    return axes


@operator("argmax", "argmin", "argmax_channel", source="src/operator/tensor/broadcast_reduce_op_index.cc")
def argument_of_extreme(call: OperatorCall) -> Value:
    """The first place of the largest or smallest element along `axis`, as float32; without an axis of all elements."""
    x = call.data
    extreme = "ArgMin" if call.node.operator == "argmin" else "ArgMax"
    keep = call.options.boolean("keepdims", default=False)
    axis = 1 if call.node.operator == "argmax_channel" else call.options.optional_integer("axis")
    if axis is None:
        flat = call.reshape(x, (count(x.shape),))
        place = call.emit(extreme, [flat], axis=0, keepdims=1)
        shape: Shape = (1,) * x.rank if keep else (1,)
        return call.value(call.cast(call.reshape(place, shape), "float32"), shape, "float32")
    axis = call.check_axis(axis, x.rank)
    place = call.emit(extreme, [x], axis=axis, keepdims=int(keep))
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape) if keep or i != axis)
    if not shape:
        shape, place = (1,), call.reshape(place, (1,))
    if axis == 0 and follows_batch(x.shape[0]):
        call.note("its argmax runs over the batch")
    return call.value(call.cast(place, "float32"), shape, "float32")
