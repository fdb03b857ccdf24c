"""Squeeze, Pad and CropCenter."""

from __future__ import annotations

import math

from ..call import Blob, LayerCall
from ..registry import layer
from .source import MAX_ELEMENTS


@layer("Squeeze", params="squeeze_param", options=("axis",), source="Synopsys squeeze_layer.cpp")
def squeeze(call: LayerCall) -> Blob:
    """Removes the axes named, or all of size 1."""
    x = call.bottom()
    named = call.params.integers("axis")
    if any(not -x.rank <= axis < x.rank or x.shape[axis] != 1 for axis in named):
        raise call.error(f"axis {named} of its bottom of shape {x.shape} cannot be removed: its size must be 1")
    gone = {axis % x.rank for axis in named} or {axis for axis in range(x.rank) if x.shape[axis] == 1}
    if x.batch in gone:
        call.fix_batch("it removes the batch axis")
    kept = [axis for axis in range(x.rank) if axis not in gone]
    shape = [x.shape[axis] for axis in kept]
    batch = kept.index(x.batch) if x.batch in kept else None
    return call.top(call.reshape(x, shape, batch=batch), shape, batch=batch)


@layer("Pad", params="pad_param", options=("paddings", "constant_values"), source="Synopsys pad_layer.cpp")
def pad(call: LayerCall) -> Blob:
    """Adds a constant before and after each axis; paddings holds both numbers axis by axis."""
    x = call.bottom()
    paddings = call.params.integers("paddings")
    if len(paddings) != 2 * x.rank or min(paddings, default=0) < 0:
        raise call.error(f"paddings {paddings} must be two numbers, 0 or more, for each of the {x.rank} axes")
    before, after = paddings[::2], paddings[1::2]
    if x.batch is not None and (before[x.batch] or after[x.batch]):
        call.fix_batch("it pads the batch")
    shape = [size + low + high for size, low, high in zip(x.shape, before, after, strict=True)]
    if math.prod(shape) > MAX_ELEMENTS:
        raise call.error(f"a top of shape {tuple(shape)} has more than {MAX_ELEMENTS} values")
    value = call.constant(call.params.number("constant_values", 0.0))
    return call.top(call.node("Pad", [x.tensor, call.integers([*before, *after]), value]), shape)


@layer("CropCenter", params="crop_center_param", options=("crop_size",), source="waifu2x crop_center_layer.cpp")
def crop_center(call: LayerCall) -> Blob:
    """Takes crop_size cells off both ends of each axis."""
    x = call.bottom()
    sizes = call.params.integers("crop_size")
    if len(sizes) != x.rank or any(c < 0 or 2 * c + 1 > n for c, n in zip(sizes, x.shape, strict=True)):
        raise call.error(f"crop_size {sizes} must be one number per axis and leave something of {x.shape}")
    if x.batch is not None and sizes[x.batch]:
        call.fix_batch("it crops the batch")
    axes = [axis for axis, size in enumerate(sizes) if size]
    shape = [size - 2 * cut for size, cut in zip(x.shape, sizes, strict=True)]
    if not axes:
        return x
    starts = [sizes[axis] for axis in axes]
    y = call.node("Slice", [x.tensor, *(call.integers(v) for v in (starts, [-start for start in starts], axes))])
    return call.top(y, shape)
