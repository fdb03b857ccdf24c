"""Sorting and the largest elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import check_static, count

_SOURCE = "src/operator/tensor/ordering_op-inl.h"


@operator("topk", source=_SOURCE)
def topk(call: OperatorCall) -> Value | Sequence[Value]:
    """The `k` largest (or smallest) elements along `axis`: their indices, values, both, or a mask."""
    kind = call.options.text("ret_typ", ("indices", "value", "both", "mask"), "indices")
    ascending = call.options.boolean("is_ascend", default=False)
    x, axis = _flat_or_axis(call)
    k = call.options.integer("k", 1)
    dtype = _float(call.options.dtype("dtype", "float32"))
    values, indices = _sorted(call, x, axis, k if k > 0 else x.shape[axis], largest=not ascending)
    if kind == "mask":
        return _mask(call, x, indices, axis)
    places = replace(indices, tensor=call.cast(indices, dtype), dtype=dtype)
    return places if kind == "indices" else (values, places)


@operator("sort", source=_SOURCE, outputs=("output0",))
def sort(call: OperatorCall) -> Value:
    """The elements along `axis` in rising or falling order."""
    x, axis = _flat_or_axis(call)
    ascending = call.options.boolean("is_ascend", default=True)
    return _sorted(call, x, axis, x.shape[axis], largest=not ascending)[0]


@operator("argsort", source=_SOURCE)
def argsort(call: OperatorCall) -> Value:
    """The indices that would sort the elements along `axis`."""
    x, axis = _flat_or_axis(call)
    ascending = call.options.boolean("is_ascend", default=True)
    dtype = _float(call.options.dtype("dtype", "float32"))
    indices = _sorted(call, x, axis, x.shape[axis], largest=not ascending)[1]
    return replace(indices, tensor=call.cast(indices, dtype), dtype=dtype)


def _flat_or_axis(call: OperatorCall) -> tuple[Value, int]:
    """The data and the axis; without an axis, the flattened data."""
    x = call.data
    if "axis" in call.node.options and not call.options.has("axis"):
        shape = (count(x.shape),)
        return call.value(call.reshape(x, shape), shape), 0
    return x, call.axis("axis", -1)


def _sorted(call: OperatorCall, x: Value, axis: int, k: int, *, largest: bool) -> tuple[Value, Value]:
    """Values and int64 indices of the first `k` in order."""
    check_static([x.shape[axis]], f"{call.node} sorts the batch")
    if not 1 <= k <= x.shape[axis]:
        raise call.error(f"k is {k}, but axis {axis} of data of shape {x.shape} has {x.shape[axis]} elements")
    made = call.emit_several("TopK", [x, call.integers([k])], 2, axis=axis, largest=int(largest))
    shape = tuple(k if i == axis else n for i, n in enumerate(x.shape))
    return call.value(made[0], shape), call.value(made[1], shape, "int64")


def _mask(call: OperatorCall, x: Value, indices: Value, axis: int) -> Value:
    """1 where an element is among the chosen, else 0."""
    zeros = call.emit("Mul", [x, call.scalar(0)])
    ones = call.emit("Expand", [call.scalar(1), call.emit("Shape", [indices])])
    marked = call.emit("ScatterElements", [zeros, indices, ones], axis=axis)
    if x.shape == call.data.shape:
        return call.like(marked)
    return call.like(call.reshape(marked, call.data.shape))


def _float(dtype: str) -> str:
    return "float32" if dtype in ("float16", "float64") else dtype
