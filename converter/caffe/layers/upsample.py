"""Upsample, a name for three layers, and the layers that do the same under names of their own."""

from __future__ import annotations

import math

from ...resize import repeat_pixels
from ..call import Blob, LayerCall
from ..registry import layer
from .source import MAX_ELEMENTS

_SIZES = ("scale", "scale_h", "scale_w", "pad_out_h", "pad_out_w", "upsample_h", "upsample_w")


@layer(
    "Upsample",
    params="upsample_param",
    options=(*_SIZES, "stride"),
    source="SegNet upsample_layer.cpp (two bottoms); MobileNet-YOLO upsample_layer.cpp (scale); Ascend (scale, stride)",
)
def upsample(call: LayerCall) -> Blob:
    """With a mask as second bottom max-unpooling; else each pixel repeated scale times, or stride times scale."""
    if len(call.bottoms) > 1:
        return _unpool(call, _unpooled_size(call))
    if call.params.has("stride"):
        return _repeat_and_scale(call)
    if call.params.has("upsample_h") or call.params.has("upsample_w"):
        raise call.error("upsample_h and upsample_w belong to max-unpooling, which needs a mask as second bottom")
    if not any(call.params.has(name) for name in ("scale", "scale_h", "scale_w")):
        raise call.unsupported(
            "Upsample without scale means different things in different forks; give scale: N to repeat each pixel"
        )
    return _repeat(call, _factors(call, 1))


@layer(
    "UpsampleDarknet",
    params="upsample_darknet_param",
    options=("stride",),
    source="Synopsys upsample_darknet_layer.cpp",
)
def upsample_darknet(call: LayerCall) -> Blob:
    """Each pixel repeated stride times."""
    stride = call.params.integer("stride", 1)
    return _repeat(call, (stride, stride))


@layer(
    "MaxUnpool",
    "Unpooling",
    params="unpooling_param",
    options=(
        *("unpool", "kernel_size", "kernel_h", "kernel_w", "stride", "stride_h", "stride_w", "pad", "pad_h", "pad_w"),
        *("unpool_size", "unpool_h", "unpool_w"),
    ),
    source="DeconvNet unpooling_layer.cpp",
)
def max_unpool(call: LayerCall) -> Blob:
    """Each value goes where the mask says, its flat index inside the channel; elsewhere 0."""
    if call.params.enum("unpool", ("MAX", "AVE", "TILE"), "MAX") != "MAX":
        raise call.unsupported("only unpool: MAX is converted; use a Deconvolution with a constant kernel instead")
    if len(call.bottoms) < 2:
        raise call.unsupported("unpooling needs a mask; give the second top of the Pooling as second bottom")
    return _unpool(call, _deconvnet_size(call))


def _unpool(call: LayerCall, size: tuple[int, int]) -> Blob:
    x, mask = call.bottom(0), call.bottom(1)
    if x.rank != 4 or x.shape != mask.shape or (x.batch, x.symbol) != (mask.batch, mask.symbol):
        raise call.error(f"values of shape {x.shape} and a mask of shape {mask.shape} must be alike, with four axes")
    shape = (*x.shape[:2], *size)
    if min(size) < 1 or math.prod(shape) > MAX_ELEMENTS:
        raise call.error(f"a top of shape {shape} has no values, or more than {MAX_ELEMENTS}")
    flat = (*x.shape[:2], math.prod(x.shape[2:]))
    indices = call.node("Cast", [call.reshape(mask, flat)], to=7)
    leading = call.node("Slice", [call.node("Shape", [x.tensor]), call.integers([0]), call.integers([2])])
    space = call.node("Concat", [leading, call.integers([math.prod(size)])], axis=0)
    empty = call.node("Expand", [call.constant(0.0), space])
    filled = call.node("ScatterElements", [empty, indices, call.reshape(x, flat)], axis=2)
    return call.top(call.reshape(filled, shape), shape)


def _unpooled_size(call: LayerCall) -> tuple[int, int]:
    """SegNet's: given, or the bottom's times the scale, less a row or column where pad_out_h or pad_out_w is set."""
    if call.params.has("upsample_h") and call.params.has("upsample_w"):
        return call.params.integer("upsample_h"), call.params.integer("upsample_w")
    height, width = _factors(call, 2)
    x = call.bottom()
    if x.rank != 4:
        raise call.error(f"needs four axes, but its bottom has shape {x.shape}")
    less_h, less_w = call.params.boolean("pad_out_h"), call.params.boolean("pad_out_w")
    return x.shape[2] * height - int(less_h), x.shape[3] * width - int(less_w)


def _deconvnet_size(call: LayerCall) -> tuple[int, int]:
    x, sizes = call.bottom(), []
    for axis, side in zip(x.shape[2:4], "hw", strict=False):
        kernel, stride, pad = (
            call.params.integer(f"{name}_{side}", call.params.integer(both, default))
            for name, both, default in (("kernel", "kernel_size", 2), ("stride", "stride", 1), ("pad", "pad", 0))
        )
        natural = max((axis - 1) * stride + kernel - 2 * pad, axis * stride - pad + 1)
        sizes.append(call.params.integer(f"unpool_{side}", call.params.integer("unpool_size", natural)))
    if len(sizes) != 2:
        raise call.error(f"needs four axes, but its bottom has shape {x.shape}")
    return sizes[0], sizes[1]


def _factors(call: LayerCall, default: int) -> tuple[int, int]:
    both = call.params.integer("scale", default)
    return call.params.integer("scale_h", both), call.params.integer("scale_w", both)


def _repeat(call: LayerCall, factors: tuple[int, int]) -> Blob:
    x = call.bottom()
    if x.rank != 4 or min(factors) < 1:
        raise call.error(f"repeats pixels {factors} times, which must be 1 or more, in a bottom of shape {x.shape}")
    shape = (*x.shape[:2], x.shape[2] * factors[0], x.shape[3] * factors[1])
    if math.prod(shape) > MAX_ELEMENTS:
        raise call.error(f"a top of shape {shape} has more than {MAX_ELEMENTS} values")
    return call.top(repeat_pixels(call.builder, x.tensor, factors), shape)


def _repeat_and_scale(call: LayerCall) -> Blob:
    stride, scale = call.params.integer("stride"), call.params.number("scale", 1.0)
    repeated = _repeat(call, (stride, stride))
    if scale == 1:
        return repeated
    return call.top(call.node("Mul", [repeated.tensor, call.constant(scale)]), repeated.shape)
