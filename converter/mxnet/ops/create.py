"""Tensors made from nothing but options or the shape of another."""

from __future__ import annotations

import math

import numpy as np

from ....errors import SourceError
from ..call import MOST_ELEMENTS, OperatorCall, Value, numpy_type
from ..registry import operator
from ..shapes import Shape, check_static, count, follows_batch

_SOURCE = "src/operator/tensor/init_op.h"


@operator("_zeros", "_ones", "_full", "_zeros_without_dtype", source=_SOURCE)
def filled(call: OperatorCall) -> Value:
    """Zeros, ones or `value`, of `shape`."""
    shape = call.options.integers("shape", ())
    value = call.options.number("value", 1.0 if call.node.operator == "_ones" else 0.0)
    call.options.has("dtype")
    dtype = "float32" if call.options.values.get("dtype") in (None, "None", "-1") else _dtype(call)
    left_open = 0 in shape
    if not shape or min(shape) < 0 or (left_open and value):
        raise call.unsupported(f"its shape {shape} is left open; give the sizes")
    shape = tuple(size or 1 for size in shape)
    _check_size(call, shape)
    made = np.full(shape, value, numpy_type(dtype))
    return Value(call.constant(made, made.dtype), shape, dtype, open=left_open)


@operator("zeros_like", "ones_like", source=_SOURCE)
def like(call: OperatorCall) -> Value:
    """Zeros or ones of the shape of the input."""
    number = 1 if call.node.operator == "ones_like" else 0
    call.options.has("dtype")  # some exporters add it; the type is the input's
    value = call.constant([number], numpy_type(call.data.dtype))
    if any(map(follows_batch, call.data.shape)):
        return call.like(call.emit("Expand", [value, call.emit("Shape", [call.data])]))
    _check_size(call, call.data.shape)
    return call.like(call.constant(np.full(call.data.shape, number), numpy_type(call.data.dtype)))


@operator("_arange", "_linspace", source=_SOURCE)
def arange(call: OperatorCall) -> Value:
    """From `start` to `stop` (exclusive) by `step`, each number `repeat` times."""
    options = call.options
    start, step, repeat = options.number("start", 0.0), options.number("step", 1.0), options.integer("repeat", 1)
    first, last = (0.0, start) if not options.has("stop") else (start, options.number("stop"))
    if options.boolean("infer_range", default=False) and not options.has("stop"):
        raise call.unsupported("its length is inferred from what reads it; give stop")
    length = math.ceil((last - first) / step) if step else 0
    if length < 1 or repeat < 1:
        raise call.error(f"is empty: from {first} to {last} by {step}")
    _check_size(call, (length, repeat))
    numbers = first + np.arange(length * repeat) // repeat * step
    return Value(call.constant(numbers, numpy_type(_dtype(call))), numbers.shape, _dtype(call))


@operator("_contrib_arange_like", source=_SOURCE)
def arange_like(call: OperatorCall) -> Value:
    """`start`, `start + step`, ... as many as the input has elements, or as its `axis` has."""
    x, options = call.data, call.options
    axis = options.optional_integer("axis")
    shape = x.shape if axis is None else (x.shape[call.check_axis(axis, x.rank)],)
    start, step, repeat = options.number("start", 0.0), options.number("step", 1.0), options.integer("repeat", 1)
    check_static(shape, f"{call.node} counts the batch")
    if repeat < 1:
        raise call.error("its repeat is not positive")
    _check_size(call, shape)
    numbers = start + np.arange(count(shape)) // repeat * step
    return Value(call.constant(numbers.reshape(shape)), shape)


@operator("_eye", source=_SOURCE)
def eye(call: OperatorCall) -> Value:
    """Ones on the k-th diagonal of an N x M matrix."""
    rows = call.options.integer("N")
    columns = call.options.integer("M", 0) or rows
    _check_size(call, (rows, columns))
    made = np.eye(rows, columns, call.options.integer("k", 0))
    return Value(call.constant(made, numpy_type(_dtype(call))), made.shape, _dtype(call))


@operator("one_hot", source="src/operator/tensor/indexing_op.h")
def one_hot(call: OperatorCall) -> Value:
    """`on_value` at each index along a new last axis of `depth`, elsewhere `off_value`."""
    depth, dtype = call.options.integer("depth"), _dtype(call)
    values = [call.options.number("off_value", 0.0), call.options.number("on_value", 1.0)]
    indices = call.cast(call.data, "int64")
    # OneHot wraps negative indices around; MXNet leaves their rows off.
    inside = call.emit("Where", [call.emit("Less", [indices, call.integers(0)]), call.integers(depth), indices])
    places = call.range(depth)
    hit = call.emit("Equal", [call.emit("Unsqueeze", [inside, call.integers([-1])]), places])
    off, on = (call.constant(value, numpy_type(dtype)) for value in values)
    return call.value(call.emit("Where", [hit, on, off]), (*call.data.shape, depth), dtype)


def _dtype(call: OperatorCall) -> str:
    dtype = call.options.dtype("dtype", "float32")
    return dtype if numpy_type(dtype).name == dtype else "float32"


def _check_size(call: OperatorCall, shape: Shape) -> None:
    check_static(shape, f"{call.node} makes a constant that follows the batch")
    if min(shape, default=1) < 0 or count(shape) > MOST_ELEMENTS:
        raise SourceError(f"{call.options.where}: asks for a constant of shape {shape}; is the file damaged?")


@operator("_random_uniform", "_random_normal", "_sample_uniform", "_sample_normal", "_shuffle", source=_SOURCE)
def random_numbers(call: OperatorCall) -> Value:
    """Refused: random numbers."""
    raise call.unsupported("makes random numbers, which a converted network cannot repeat")
