"""Pooling and SPP."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from ....errors import SourceError, UnsupportedError
from ...pooling import RoundMode, Windows, caffe_pooled_size, caffe_windows, max_pool_with_mask, pool
from ..call import Blob, LayerCall
from ..registry import layer
from .geometry import Geometry, read_geometry

MAX_CELLS = 2**26
"""Cells of one channel, 8192 by 8192."""

_METHODS = ("MAX", "AVE", "STOCHASTIC")


@layer(
    "Pooling",
    params="pooling_param",
    options=(
        *("pool", "kernel_size", "kernel_h", "kernel_w", "stride", "stride_h", "stride_w", "pad", "pad_h", "pad_w"),
        *("global_pooling", "round_mode", "ceil_mode", "pad_l", "pad_r", "pad_t", "pad_b"),
    ),
    source="BVLC pooling_layer.cpp; ceil_mode: Intel's and PyTorch exporters' forks",
)
def pooling(call: LayerCall) -> list[Blob]:
    """MAX or AVE over windows; a second top of MAX is the flat index of each maximum inside its channel."""
    x = call.bottom()
    if x.rank != 4:
        raise call.error(f"pools over two spatial axes, but its bottom has shape {x.shape}")
    size, mode, kind = (x.shape[2], x.shape[3]), _round_mode(call), _kind(call)
    geometry = _geometry(call, size)
    empty = _empty_windows(size, geometry, mode)
    if any(empty) and kind == "max" and len(call.layer.tops) == 1:
        return [_max_with_empty_windows(call, size, geometry, _counts(size, geometry, mode), empty)]
    windows = _windows(call, size, geometry, mode)
    shape = (*x.shape[:2], *windows.output)
    if len(call.layer.tops) > 1:
        if kind != "max":
            raise call.error("only MAX pooling has a second top")
        pooled, mask = max_pool_with_mask(call.builder, x.tensor, windows)
        return [call.top(pooled, shape), call.top(mask, shape)]
    return [call.top(pool(call.builder, x.tensor, windows, kind), shape)]


@layer("SPP", params="spp_param", options=("pyramid_height", "pool"), source="BVLC spp_layer.cpp")
def spp(call: LayerCall) -> Blob:
    """Spatial pyramid pooling: level i pools into 2^i by 2^i bins; all are flattened and concatenated."""
    x = call.bottom()
    if x.rank != 4:
        raise call.error(f"pools over two spatial axes, but its bottom has shape {x.shape}")
    size = (x.shape[2], x.shape[3])
    levels, total = [], 0
    for level in range(_pyramid_height(call, min(size))):
        windows = _windows(call, size, _bins(size, 2**level), "CEIL")
        pooled = pool(call.builder, x.tensor, windows, _kind(call))
        levels.append(call.node("Flatten", [pooled], axis=1))
        total += x.shape[1] * math.prod(windows.output)
    return call.top(call.node("Concat", levels, axis=1), (x.shape[0], total))


def _geometry(call: LayerCall, size: tuple[int, int]) -> Geometry:
    if not call.params.boolean("global_pooling"):
        return read_geometry(call, 2)
    geometry = read_geometry(call, 2, kernel=size)
    if any(call.params.has(name) for name in ("kernel_size", "kernel_h", "kernel_w")):
        raise call.error("global_pooling and a kernel size contradict each other")
    if any(geometry.pads) or geometry.stride != (1, 1):
        raise call.error("global_pooling needs pad 0 and stride 1")
    return geometry


def _round_mode(call: LayerCall) -> RoundMode:
    """`ceil_mode: false` is what some forks write for round_mode: FLOOR."""
    default = "CEIL" if call.params.boolean("ceil_mode", default=True) else "FLOOR"
    return "FLOOR" if call.params.enum("round_mode", ("CEIL", "FLOOR"), default) == "FLOOR" else "CEIL"


def _kind(call: LayerCall) -> Literal["max", "average"]:
    method = call.params.enum("pool", _METHODS, "MAX")
    if method == "STOCHASTIC":
        raise call.unsupported("STOCHASTIC pooling has no ONNX operator; set pool: MAX or AVE, or cut before it")
    return "max" if method == "MAX" else "average"


def _windows(call: LayerCall, size: tuple[int, int], geometry: Geometry, round_mode: RoundMode) -> Windows:
    if size[0] * size[1] > MAX_CELLS:
        raise call.error(f"its bottom of {size[0]} by {size[1]} is too large to be pooled")
    if any(pad >= kernel for pad, kernel in zip(geometry.pads, geometry.kernel * 2, strict=True)):
        raise call.error(f"pad {geometry.begin} is not smaller than kernel {geometry.kernel}")
    try:
        return caffe_windows(
            size, geometry.kernel, geometry.stride, geometry.begin, end_pads=geometry.end, round_mode=round_mode
        )
    except UnsupportedError as refusal:
        raise call.unsupported("; ".join(refusal.reasons)) from None
    except SourceError as error:
        raise call.error(str(error)) from None


def _empty_windows(size: tuple[int, int], geometry: Geometry, round_mode: RoundMode) -> list[int]:
    """Per axis, 1 where the last window begins beyond the data; that takes a stride over the kernel, and no pad."""
    if any(geometry.pads):
        return [0, 0]
    starts = [
        (count - 1) * stride for count, stride in zip(_counts(size, geometry, round_mode), geometry.stride, strict=True)
    ]
    return [int(start >= max(extent, 1)) for start, extent in zip(starts, size, strict=True)]


def _counts(size: tuple[int, int], geometry: Geometry, round_mode: RoundMode) -> list[int]:
    rows = zip(size, geometry.kernel, geometry.stride, strict=True)
    return [caffe_pooled_size(n, k, s, 0, round_mode=round_mode, drop=False) for n, k, s in rows]


def _max_with_empty_windows(
    call: LayerCall, size: tuple[int, int], geometry: Geometry, counts: list[int], empty: list[int]
) -> Blob:
    """MAX over a window without data is -FLT_MAX in Caffe: padded on afterwards."""
    x = call.bottom()
    held = tuple(count - missing for count, missing in zip(counts, empty, strict=True))
    pooled = pool(call.builder, x.tensor, Windows(size, geometry.kernel, geometry.stride, (0, 0), (0, 0), held), "max")
    call.note(f"the last window lies outside its bottom {x.shape}: Caffe answers -FLT_MAX there, and so does the model")
    lowest = call.constant(np.finfo(np.float32).min)
    padded = call.node("Pad", [pooled, call.integers([0, 0, 0, 0, 0, 0, *empty]), lowest])
    return call.top(padded, (*x.shape[:2], *counts))


def _pyramid_height(call: LayerCall, smallest: int) -> int:
    height = call.params.integer("pyramid_height", 0)
    if height < 1 or 2 ** min(height - 1, 40) > smallest:
        raise call.error(f"pyramid_height {height} does not fit a bottom whose smaller side is {smallest}")
    return height


def _bins(size: tuple[int, int], bins: int) -> Geometry:
    kernel = (-(-size[0] // bins), -(-size[1] // bins))
    pad = tuple((extent * bins - whole + 1) // 2 for extent, whole in zip(kernel, size, strict=True))
    return Geometry(kernel, kernel, pad, pad, (1, 1))
