"""Enlarging and shrinking of feature maps."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...resize import repeat_pixels, resize_linear
from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import check_static
from .slicing import take_ranges

_MODES: dict[str, Callable[[int], int]] = {
    "to_even_down": lambda n: n - n % 2,
    "to_even_up": lambda n: n + n % 2,
    "to_odd_down": lambda n: n - 1 + n % 2,
    "to_odd_up": lambda n: n + 1 - n % 2,
}


@operator("UpSampling", source="src/operator/nn/upsampling-inl.h")
def upsampling(call: OperatorCall) -> Value:
    """Nearest (several inputs are brought to one size, then joined or added), or bilinear by its own weight."""
    scale = call.options.integer("scale")
    if call.data.rank != 4 or scale < 1:
        raise call.error(f"scale {scale} does not fit data of shape {call.data.shape}")
    call.options.has("num_filter")
    if call.options.text("sample_type", ("nearest", "bilinear")) == "bilinear":
        return _bilinear(call, scale)
    mode = call.options.text("multi_input_mode", ("concat", "sum"), "concat")
    high, wide = (size * scale for size in call.data.shape[2:])
    parts = [_enlarged(call, value, high, wide) for value in call.values()]
    if len(parts) == 1:
        return parts[0]
    if mode == "sum":
        total: Tensor = parts[0]
        for part in parts[1:]:
            total = call.emit("Add", [total, part])
        return call.value(str(total), parts[0].shape)
    shape = (call.data.shape[0], sum(part.shape[1] for part in parts), high, wide)
    return call.value(call.emit("Concat", list[Tensor](parts), axis=1), shape)


def _enlarged(call: OperatorCall, value: Value, high: int, wide: int) -> Value:
    rows, columns = high // value.shape[2], wide // value.shape[3]
    if (value.shape[2] * rows, value.shape[3] * columns) != (high, wide):
        raise call.error(f"an input of shape {value.shape} is no whole part of {high} x {wide}")
    return call.value(repeat_pixels(call.builder, value.tensor, (rows, columns)), (*value.shape[:2], high, wide))


def _bilinear(call: OperatorCall, scale: int) -> Value:
    """A Deconvolution of each channel with kernel 2 scale - scale mod 2 and the weight that the file holds."""
    n, channels, high, wide = call.data.shape
    kernel, pad = 2 * scale - scale % 2, math.ceil((scale - 1) / 2)
    weight = call.parameter(1, (channels, 1, kernel, kernel))
    made = call.emit(
        "ConvTranspose",
        [call.data, weight],
        kernel_shape=[kernel] * 2,
        strides=[scale] * 2,
        pads=[pad] * 4,
        group=channels,
    )
    return call.value(made, (n, channels, high * scale, wide * scale))


@operator("_contrib_BilinearResize2D", source="src/operator/contrib/bilinear_resize-inl.h")
def bilinear_resize(call: OperatorCall) -> Value:
    """To a height and width, or by scales, or to the size of a second input; corners are aligned by default."""
    x = call.data
    if x.rank != 4:
        raise call.error(f"needs data of 4 axes, not of shape {x.shape}")
    target = _target(call)
    align = call.options.boolean("align_corners", default=True)
    check_static([*x.shape[2:], *target], "the resized axes follow the batch")
    if min(target) < 1:
        raise call.error(f"shrinks data of shape {x.shape} to {target}")
    # One cell is the first cell, also where corners are not aligned.
    x = take_ranges(call, x, {2 + i: (0, 1, 1) for i, size in enumerate(target) if size == 1})
    made = resize_linear(
        call.builder,
        x.tensor,
        sizes=x.shape[2:],
        target=target,
        coordinates="align_corners" if align else "half_pixel",
    )
    return call.value(made, (*x.shape[:2], *target))


def _target(call: OperatorCall) -> tuple[int, ...]:
    options, sizes = call.options, call.data.shape[2:]
    given = options.integer("height", 1), options.integer("width", 1)
    mode = options.text("mode", ("size", "odd_scale", "like", *_MODES), "size")
    if mode == "like":
        return call.input(1).shape[2:]
    if mode in _MODES:
        return tuple(_MODES[mode](size) for size in sizes)
    if mode == "size" and not options.has("scale_height"):
        options.has("scale_width")
        return given
    scales = options.number("scale_height"), options.number("scale_width")
    if mode == "size":
        return tuple(int(size * scale) for size, scale in zip(sizes, scales, strict=True))
    return tuple(
        int((size - 1) * scale) + 1 if size % 2 else int(size * scale)
        for size, scale in zip(sizes, scales, strict=True)
    )
