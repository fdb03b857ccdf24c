"""Interp, ResizeBilinear and ResizeNearestNeighbor."""

from __future__ import annotations

import math

import numpy as np

from ...resize import Coordinates, resize_linear, resize_nearest
from ..call import Blob, LayerCall, Shape
from ..registry import layer
from .source import MAX_ELEMENTS

_RESIZE_OPTIONS = (
    *("align_corners", "half_pixel_centers", "data_format", "output_height", "output_width"),
    *("scale_height", "scale_width"),
)


@layer(
    "Interp",
    params="interp_param",
    options=("height", "width", "zoom_factor", "shrink_factor", "full_zoom_factor", "pad_beg", "pad_end"),
    source="DeepLab interp_layer.cpp; PSPNet's second bottom; full_zoom_factor: Synopsys",
)
def interp(call: LayerCall) -> Blob:
    """Bilinear interpolation that aligns the corners; the size is given, by factors, or that of a second bottom."""
    x = call.bottom()
    begin, end = call.params.integer("pad_beg", 0), call.params.integer("pad_end", 0)
    if x.rank != 4 or begin > 0 or end > 0:
        raise call.error(f"needs four axes, not {x.shape}, and pad_beg and pad_end of 0 or less (they crop)")
    sizes = tuple(size + begin + end for size in x.shape[2:])
    if min(sizes) < 1:
        raise call.error(f"pad_beg {begin} and pad_end {end} leave nothing of {x.shape}")
    target = _checked(call, _interp_size(call, sizes))
    data = x.tensor
    if begin or end:
        ends = [size + end for size in x.shape[2:]]
        data = call.node("Slice", [data, call.integers([-begin] * 2), call.integers(ends), call.integers([2, 3])])
    y = resize_linear(call.builder, data, sizes=sizes, target=target, coordinates="align_corners")
    return call.top(y, (*x.shape[:2], *target))


def _interp_size(call: LayerCall, sizes: Shape) -> Shape:
    if len(call.bottoms) > 1:
        reference = call.bottom(1).shape
        if len(reference) != 4:
            raise call.error(f"takes its size from a second bottom, which needs four axes, not {reference}")
        return reference[2:]
    shrink, zoom = (call.params.integer(f"{name}_factor", 1) for name in ("shrink", "zoom"))
    if shrink < 1 or zoom < 1:
        raise call.error(f"shrink_factor {shrink} and zoom_factor {zoom} must be at least 1")
    factors = [name for name in ("shrink_factor", "zoom_factor") if call.params.has(name)]
    given = call.params.has("height") and call.params.has("width")
    if len(factors) == 1 or (factors and not given):
        shrunk = [(size - 1) // shrink + 1 for size in sizes]
        return tuple(size + (size - 1) * (zoom - 1) for size in shrunk)
    if given:
        return call.params.integer("height"), call.params.integer("width")
    if call.params.has("full_zoom_factor"):
        return tuple(size * call.params.integer("full_zoom_factor") for size in sizes)
    raise call.error("needs height and width, zoom_factor, shrink_factor or a second bottom")


@layer(
    "ResizeBilinear",
    params="resize_bilinear_param",
    options=(*_RESIZE_OPTIONS, "pytorch_half_pixel", "output_depth", "scale_depth"),
    source="Synopsys resize_bilinear_layer.cpp",
)
def resize_bilinear(call: LayerCall) -> Blob:
    """Linear interpolation of height and width (NCHWD: depth too); data_format is NHWC by default, as in TensorFlow."""
    sides = ("height", "width", "depth")
    form, first, sizes = _layout(call, {"NHWC": 2, "NCHW": 2, "NCHWD": 3})
    target = _checked(call, tuple(_target(call, name, size) for name, size in zip(sides, sizes, strict=False)))
    data, coordinates = _planes(call, form), _coordinates(call)
    if call.params.boolean("pytorch_half_pixel") and coordinates == "half_pixel":
        for axis in (axis for axis, size in enumerate(target) if size == 1):  # PyTorch then takes the first cell
            data = call.node("Slice", [data, *(call.integers([value]) for value in (0, 1, 2 + axis))])
            sizes = (*sizes[:axis], 1, *sizes[axis + 1 :])
    y = resize_linear(call.builder, data, sizes=sizes, target=target, coordinates=coordinates)
    return _restored(call, y, form, first, target)


@layer(
    "ResizeNearestNeighbor",
    params="resize_nearest_neighbor_param",
    options=_RESIZE_OPTIONS,
    source="Synopsys resize_nearest_neighbor_layer.cpp",
)
def resize_nearest_neighbor(call: LayerCall) -> Blob:
    """The nearest pixel, rounded down unless corners are aligned; data_format NHWC is the default, as in TensorFlow."""
    form, first, sizes = _layout(call, {"NHWC": 2, "NCHW": 2})
    target = _checked(call, tuple(_target(call, n, size) for n, size in zip(("height", "width"), sizes, strict=True)))
    coordinates = _coordinates(call)
    y = resize_nearest(
        call.builder,
        _planes(call, form),
        sizes=sizes,
        target=target,
        coordinates=coordinates,
        rounding="floor" if coordinates == "asymmetric" else "round_prefer_ceil",
    )
    return _restored(call, y, form, first, target)


def _layout(call: LayerCall, spatial: dict[str, int]) -> tuple[str, int, Shape]:
    """The data format, the first spatial axis and the spatial sizes."""
    x, form = call.bottom(), call.params.string("data_format", "NHWC")
    if form not in spatial or x.rank != 2 + spatial[form]:
        raise call.error(f"data_format {form} is none of {', '.join(spatial)}, or does not fit a bottom of {x.shape}")
    first = 1 if form == "NHWC" else 2
    return form, first, x.shape[first : first + spatial[form]]


def _target(call: LayerCall, side: str, size: int) -> int:
    if call.params.has(f"output_{side}"):
        return call.params.integer(f"output_{side}")
    return int(np.float32(size) * np.float32(call.params.number(f"scale_{side}", 1.0)))


def _checked(call: LayerCall, target: Shape) -> Shape:
    if min(target) < 1 or math.prod(call.bottom().shape[:2]) * math.prod(target) > MAX_ELEMENTS:
        raise call.error(f"the size {target} it resizes to has no values, or gives more than {MAX_ELEMENTS}")
    return target


def _coordinates(call: LayerCall) -> Coordinates:
    aligned = call.params.boolean("align_corners")
    half = call.params.boolean("half_pixel_centers") or call.params.boolean("pytorch_half_pixel")
    if aligned and half:
        raise call.error("align_corners and half-pixel centres contradict each other")
    return "align_corners" if aligned else "half_pixel" if half else "asymmetric"


def _planes(call: LayerCall, form: str) -> str:
    x = call.bottom().tensor
    return call.node("Transpose", [x], perm=[0, 3, 1, 2]) if form == "NHWC" else x


def _restored(call: LayerCall, y: str, form: str, first: int, target: Shape) -> Blob:
    y = call.node("Transpose", [y], perm=[0, 2, 3, 1]) if form == "NHWC" else y
    shape = call.bottom().shape
    return call.top(y, (*shape[:first], *target, *shape[first + len(target) :]))
