"""Elements chosen by index."""

from __future__ import annotations

from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import Shape, batch_multiple, follows_batch

_SOURCE = "src/operator/tensor/indexing_op.h"


@operator("Embedding", source=_SOURCE)
def embedding(call: OperatorCall) -> Value:
    """Rows of the weight (input_dim, output_dim); indices beyond its ends count as its ends."""
    rows, columns = call.options.integer("input_dim"), call.options.integer("output_dim")
    weight = call.parameter(1, (rows, columns))
    call.options.has("dtype")
    made = call.emit("Gather", [weight, _clipped(call, call.data, rows)], axis=0)
    return call.value(made, (*call.data.shape, columns), weight.dtype)


@operator("take", source=_SOURCE)
def take(call: OperatorCall) -> Value:
    """Slices of the data along `axis`; indices beyond the ends are clipped, wrapped around, or an error (`raise`)."""
    x, indices = call.input(0), call.input(1)
    axis = call.axis("axis", 0)
    mode = call.options.text("mode", ("clip", "wrap", "raise"), "clip")
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    places = _wrapped(call, indices, x, axis) if mode == "wrap" else _within(call, indices, x, axis)
    return call.value(call.emit("Gather", [x, places], axis=axis), shape)


@operator("batch_take", source=_SOURCE)
def batch_take(call: OperatorCall) -> Value:
    """From each row of a matrix the element at its index."""
    x, indices = call.input(0), call.input(1)
    column = call.reshape(_within(call, indices, x, 1), (*indices.shape, 1))
    picked = call.emit("GatherElements", [x, column], axis=1)
    return call.value(call.reshape(picked, indices.shape), indices.shape)


@operator("pick", source="src/operator/tensor/broadcast_reduce_op.h")
def pick(call: OperatorCall) -> Value:
    """The element at each index along `axis`, clipped or wrapped around."""
    x, indices = call.input(0), call.input(1)
    axis = call.check_axis(call.options.integer("axis", -1), x.rank)
    wrap = call.options.text("mode", ("clip", "wrap"), "clip") == "wrap"
    kept = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    shape: Shape = kept if call.options.boolean("keepdims", default=False) else (*x.shape[:axis], *x.shape[axis + 1 :])
    places = _wrapped(call, indices, x, axis) if wrap else _within(call, indices, x, axis)
    picked = call.emit("GatherElements", [x, call.reshape(places, kept)], axis=axis)
    return call.value(call.reshape(picked, shape or (1,)), shape or (1,))


@operator("gather_nd", source=_SOURCE)
def gather_nd(call: OperatorCall) -> Value:
    """The elements at indices (M, ...): the index along axis i stands in row i; negative ones count from the end."""
    x, indices = call.input(0), call.input(1)
    depth = indices.shape[0]
    if depth > x.rank:
        raise call.error(f"indices of shape {indices.shape} name more axes than data of shape {x.shape} has")
    order = [*range(1, indices.rank), 0]
    last = call.emit("Transpose", [call.cast(indices, "int64")], perm=order)
    made = call.emit("GatherND", [x, last])
    return call.value(made, (*indices.shape[1:], *x.shape[depth:]))


@operator("scatter_nd", source=_SOURCE)
def scatter_nd(call: OperatorCall) -> Value:
    """Zeros of `shape` with the data written at indices (M, ...)."""
    values, indices = call.input(0), call.input(1)
    shape = call.options.integers("shape")
    empty = call.emit("Expand", [call.scalar(0), call.integers(shape)])
    last = call.emit("Transpose", [call.cast(indices, "int64")], perm=[*range(1, indices.rank), 0])
    return call.value(call.emit("ScatterND", [empty, last, values]), shape)


@operator("_unravel_index", "_ravel_multi_index", source="src/operator/tensor/ravel.h")
def ravel(call: OperatorCall) -> Value:
    """Flat indices to rows of indices, or back."""
    shape = call.options.integers("shape")
    strides = [1] * len(shape)
    for axis in reversed(range(len(shape) - 1)):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    x = call.cast(call.data, "int64")
    if call.node.operator == "_unravel_index":
        column = [-1, *[1] * call.data.rank]
        parts = call.emit("Div", [x, call.reshape(call.integers(strides), [len(shape), *column[1:]])])
        rows = call.emit("Mod", [parts, call.reshape(call.integers(shape), [len(shape), *column[1:]])])
        return call.value(call.cast(rows, call.data.dtype), (len(shape), *call.data.shape))
    factors = call.reshape(call.integers(strides), [len(shape), *[1] * (call.data.rank - 1)])
    total = call.emit("ReduceSum", [call.emit("Mul", [x, factors]), call.integers([0])], keepdims=0)
    return call.value(call.cast(total, call.data.dtype), call.data.shape[1:])


def _clipped(call: OperatorCall, indices: Tensor, size: int) -> str:
    low, high = call.integers(0), call.integers(size - 1)
    return call.emit("Max", [call.emit("Min", [call.cast(indices, "int64"), high]), low])


def _within(call: OperatorCall, indices: Value, x: Value, axis: int) -> str:
    """Indices clipped to the axis."""
    last = call.emit("Sub", [_size(call, x, axis), call.integers(1)])
    return call.emit("Max", [call.emit("Min", [call.cast(indices, "int64"), last]), call.integers(0)])


def _wrapped(call: OperatorCall, indices: Value, x: Value, axis: int) -> str:
    return call.emit("Mod", [call.cast(indices, "int64"), _size(call, x, axis)])


def _size(call: OperatorCall, x: Value, axis: int) -> str:
    """The size of an axis, which may follow the batch."""
    if not follows_batch(x.shape[axis]):
        return call.integers(x.shape[axis])
    batch_multiple(x.shape[axis])
    return call.emit("Gather", [call.emit("Shape", [x]), call.integers(axis)], axis=0)
