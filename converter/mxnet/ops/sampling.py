"""Bilinear sampling at arbitrary places: grids, spatial transformers and deformable convolution."""

from __future__ import annotations

import numpy as np

from ...reduction import reduce
from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import check_static
from .convolution import Geometry, convolved_sizes, read_geometry

_GRID_SAMPLE_SINCE = 16


@operator("GridGenerator", source="src/operator/grid_generator-inl.h")
def grid_generator(call: OperatorCall) -> Value:
    """The places (N, 2, H, W), x before y, from -1 to 1: of affine maps (N, 6), or of a flow in pixels."""
    if call.options.text("transform_type", ("affine", "warp")) == "warp":
        return _warp_grid(call)
    size = call.options.integers("target_shape", (0, 0))
    return call.value(_affine_grid(call, call.data, size), (call.data.shape[0], 2, *size))


@operator("BilinearSampler", source="src/operator/bilinear_sampler-inl.h")
def bilinear_sampler(call: OperatorCall) -> Value:
    """The data at the places of the grid (N, 2, H, W), zero beyond the border."""
    x, grid = call.input(0), call.input(1)
    return call.value(sample(call, x, grid), (*x.shape[:2], *grid.shape[2:]))


@operator("SpatialTransformer", source="src/operator/spatial_transformer-inl.h")
def spatial_transformer(call: OperatorCall) -> Value:
    """The data at the places that an affine map (N, 6) leads to."""
    x, size = call.data, call.options.integers("target_shape", (0, 0))
    call.options.text("transform_type", ("affine",), "affine")
    call.options.text("sampler_type", ("bilinear",), "bilinear")
    return call.value(sample(call, x, _affine_grid(call, call.input(1), size)), (*x.shape[:2], *size))


def sample(call: OperatorCall, data: Tensor, grid: Tensor, padding: str = "zeros") -> str:
    """`data` at `grid` (N, 2, H, W), bilinearly; beyond the border zeros, or the border itself."""
    if call.builder.opset < _GRID_SAMPLE_SINCE:
        raise call.unsupported(f"needs GridSample of opset {_GRID_SAMPLE_SINCE}; give --opset 17")
    mode = "linear" if call.builder.opset >= 20 else "bilinear"
    last = call.emit("Transpose", [grid], perm=[0, 2, 3, 1])
    return call.emit("GridSample", [data, last], align_corners=1, mode=mode, padding_mode=padding)


def _affine_grid(call: OperatorCall, theta: Value, size: tuple[int, ...]) -> str:
    """The affine map of each of the places from -1 to 1."""
    if len(size) != 2 or min(size) < 2:
        raise call.error(f"target_shape {size} must be two sizes of at least 2")
    y, x = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]), indexing="ij")
    places = call.constant(np.stack([x, y, np.ones_like(x)]).reshape(3, -1))
    matrices = call.reshape(theta, (theta.shape[0], 2, 3))
    return call.reshape(call.emit("MatMul", [matrices, places]), (theta.shape[0], 2, *size))


def _warp_grid(call: OperatorCall) -> Value:
    """(flow + place) / ((size - 1) / 2) - 1."""
    call.options.has("target_shape")
    high, wide = call.data.shape[2:]
    check_static((high, wide), "the grid follows the batch")
    places = np.stack(np.meshgrid(np.arange(wide), np.arange(high)))[None]
    half = np.array([max(wide - 1, 1), max(high - 1, 1)]).reshape(1, 2, 1, 1) / 2
    moved = call.emit("Add", [call.data, call.constant(places)])
    return call.like(call.emit("Sub", [call.emit("Div", [moved, call.constant(half)]), call.constant(1.0)]))


@operator(
    *("_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"),
    source="src/operator/contrib/deformable_convolution-inl.h",
)
def deformable_convolution(call: OperatorCall) -> Value:
    """Convolution whose filter cells are moved by offsets, and weighted by a mask where it is modulated.

    GridSample reads each filter cell, one convolution weighs them all. DeformConv of opset 19 is not that operator:
    beyond the border it blends with zeros, where MXNet's plain one repeats the border's cells within the map and
    reads zero outside of it. Only the modulated one blends.
    """
    x, geometry = call.data, read_geometry(call)
    modulated = "Modulated" in call.node.operator
    groups, cells = call.options.integer("num_deformable_group", 1), geometry.kernel[0] * geometry.kernel[-1]
    sizes = convolved_sizes(call, geometry)
    if len(sizes) != 2 or x.shape[1] % groups:
        raise call.error(f"data of shape {x.shape} does not fit {groups} deformable groups in two spatial axes")
    offset = _checked(call, 1, (x.shape[0], 2 * groups * cells, *sizes))
    samples = _samples(call, geometry, groups, offset, blend=modulated)
    if modulated:
        mask = _checked(call, 2, (x.shape[0], groups * cells, *sizes))
        samples = call.emit("Mul", [samples, _by_row(call, mask, groups, cells)])
    first = 3 if modulated else 2
    weight = call.parameter(first, (geometry.filters, x.shape[1] // geometry.groups, *geometry.kernel))
    bias: list[Tensor] = []
    if not call.options.boolean("no_bias", default=False):
        bias = [call.parameter(first + 1, (geometry.filters,), init=0.0)]
    joined = call.reshape(samples, (x.shape[0], x.shape[1], sizes[0] * cells, sizes[1]))
    column = call.reshape(weight, (*weight.shape[:2], cells, 1))
    options = {"kernel_shape": [cells, 1], "strides": [cells, 1], "group": geometry.groups}
    return call.value(call.emit("Conv", [joined, column, *bias], **options), (x.shape[0], geometry.filters, *sizes))


def _checked(call: OperatorCall, index: int, shape: tuple[int, ...]) -> Value:
    value = call.input(index)
    if value.shape != shape:
        raise call.error(f"its input {index} has shape {value.shape} where {shape} is expected")
    return value


def _samples(call: OperatorCall, geometry: Geometry, groups: int, offset: Value, *, blend: bool) -> str:
    """(N * groups, C / groups, H' * cells, W'): what each filter cell reads, the cells of a row below each other."""
    x, sizes = call.data, offset.shape[2:]
    n, cells = x.shape[0], geometry.kernel[0] * geometry.kernel[1]
    moves = call.reshape(offset, (n * groups, cells, 2, *sizes))
    places = call.emit("Add", [moves, call.constant(_filter_places(geometry, sizes))])  # y before x
    halves = np.array([max(size - 1, 1) / 2 for size in x.shape[2:]]).reshape(1, 1, 2, 1, 1)
    unit = call.emit("Sub", [call.emit("Div", [places, call.constant(halves)]), call.constant(1.0)])
    turned = call.emit("Transpose", [unit], perm=[0, 2, 3, 1, 4])  # (N * groups, 2, H', cells, W')
    grid = call.reshape(turned, (n * groups, 2, sizes[0] * cells, sizes[1]))
    swapped = call.emit("Gather", [grid, call.integers([1, 0])], axis=1)
    data = call.reshape(x, (n * groups, x.shape[1] // groups, *x.shape[2:]))
    if blend:
        return sample(call, data, swapped)
    largest = call.constant(np.array(x.shape[2:]).reshape(1, 1, 2, 1, 1))
    bounds = call.emit("GreaterOrEqual", [places, call.constant(0.0)]), call.emit("Less", [places, largest])
    within = call.emit("And", bounds)
    both = reduce(call.builder, "Min", call.cast(within, "float32"), [2], keepdims=False)
    inside = _by_row(call, call.value(both, (n * groups, cells, *sizes)), 1, cells)
    return call.emit("Mul", [sample(call, data, swapped, padding="border"), inside])


def _by_row(call: OperatorCall, cells: Value, groups: int, count: int) -> str:
    """(N, groups * cells, H', W') as (N * groups, 1, H' * cells, W')."""
    n, _, high, wide = cells.shape
    apart = call.reshape(cells, (n * groups, count, high, wide))
    return call.reshape(call.emit("Transpose", [apart], perm=[0, 2, 1, 3]), (n * groups, 1, high * count, wide))


def _filter_places(geometry: Geometry, sizes: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(1, cells, 2, H', W'): y and x of each filter cell without its offset."""
    rows, columns = (
        np.arange(m)[None, :] * s - p + np.arange(k)[:, None] * d
        for m, s, p, k, d in zip(sizes, geometry.stride, geometry.pad, geometry.kernel, geometry.dilate, strict=True)
    )
    shape = (*geometry.kernel, *sizes)
    grids = (rows[:, None, :, None], columns[None, :, None, :])
    y, x = (np.broadcast_to(grid, shape).reshape(-1, *sizes) for grid in grids)
    return np.stack([y, x], axis=1)[None].astype(np.float32)
