"""Axpy, Add and Mul: arithmetic of blobs whose shapes differ."""

from __future__ import annotations

import math

import numpy as np

from ..call import Blob, LayerCall
from ..registry import layer
from .source import MAX_ELEMENTS


@layer("Axpy", source="SENet axpy_layer.cpp")
def axpy(call: LayerCall) -> Blob:
    """Scale x + y, the bottoms being scale (one number per channel), x and y."""
    scale, x, y = call.bottom(0), call.bottom(1), call.bottom(2)
    if x.rank < 2 or x.shape != y.shape or np.prod(scale.shape) != np.prod(x.shape[:2]):
        raise call.error(f"a scale of shape {scale.shape}, x of {x.shape} and y of {y.shape} do not fit")
    call.same_batch()
    per_channel = (*x.shape[:2], *[1] * (x.rank - 2))
    factor = scale.tensor if scale.shape == per_channel else call.reshape(scale, per_channel, batch=x.batch)
    return call.top(call.node("Add", [call.node("Mul", [factor, x.tensor]), y.tensor]), x.shape, batch=x.batch)


@layer("Add", source="Synopsys add_layer.cpp")
def add(call: LayerCall) -> Blob:
    """The sum of two bottoms; sizes of 1, and missing axes in front, are repeated."""
    return _combine(call, "Add", call.bottom(1))


@layer("Mul", params="mul_param", options=("mul_shape",), source="Synopsys mul_layer.cpp")
def mul(call: LayerCall) -> Blob:
    """The product of two bottoms, or of one and a parameter of shape mul_shape; repeated as in Add."""
    if len(call.bottoms) > 1:
        return _combine(call, "Mul", call.bottom(1))
    shape = tuple(call.params.integers("mul_shape"))
    if min(shape, default=1) < 1 or math.prod(shape) > MAX_ELEMENTS:
        raise call.error(f"mul_shape {shape} has a size below 1, or more than {MAX_ELEMENTS} values")
    factor = call.weight(0, shape, init=1.0).reshape(shape)
    return _combine(call, "Mul", Blob(call.constant(factor), shape))


def _combine(call: LayerCall, operator: str, other: Blob) -> Blob:
    x = call.bottom()
    try:
        shape = np.broadcast_shapes(x.shape, other.shape)
    except ValueError:
        raise call.error(f"shapes {x.shape} and {other.shape} differ where neither has size 1") from None
    axes = {blob.batch + len(shape) - blob.rank for blob in (x, other) if blob.batch is not None}
    fixed = [blob for blob in (x, other) if blob.batch is None]
    if len(axes) > 1 or any(_size(blob, axis, len(shape)) > 1 for blob in fixed for axis in axes):
        call.fix_batch("its bottoms do not follow the batch along the same axis")
        axes = set()
    y = call.node(operator, [x.tensor, other.tensor])
    return call.top(y, shape, batch=min(axes, default=None))


def _size(blob: Blob, axis: int, rank: int) -> int:
    own = axis - (rank - blob.rank)
    return blob.shape[own] if own >= 0 else 1
