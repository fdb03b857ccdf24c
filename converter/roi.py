"""Pooling of regions of interest, as the two-stage detectors define it.

Regions are rows (image, xmin, ymin, xmax, ymax) in pixels of the input image; `scale` leads from there to the cells of
the feature map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedError
from .boxes import arithmetic, columns
from .onnx_builder import OnnxBuilder
from .reduction import reduce

_OPSET_ALIGNED = 16


def roi_max_pool(
    builder: OnnxBuilder, data: str, rois: str, pooled: Sequence[int], *, scale: float, output: str | None = None
) -> str:
    """The maximum of each bin of each region, (R, C, ph, pw): Fast R-CNN's `roi_pooling_layer.cpp`, MXNet's ROIPooling.

    Corners are rounded to cells, both of them belong to the region, bins overlap by at most a cell, and a bin outside
    the map gives 0. ONNX's MaxRoiPool is that definition.
    """
    return builder.node("MaxRoiPool", [data, rois], output, pooled_shape=list(pooled), spatial_scale=scale)


def roi_align(
    builder: OnnxBuilder,
    data: str,
    rois: str,
    pooled: Sequence[int],
    *,
    scale: float,
    samples: int,
    aligned: bool = False,
    output: str | None = None,
) -> str:
    """The average of interpolated samples of each bin, (R, C, ph, pw): Mask R-CNN's RoIAlign.

    Args:
        builder: receives the nodes.
        data: (N, C, H, W).
        rois: (R, 5).
        pooled: bins along height and width.
        scale: from the regions' pixels to cells.
        samples: per bin and axis; 0: as many as the bin has cells.
        aligned: whether cell centres lie at half-integers; without it regions are at least one cell wide.
        output: wanted name of the result.

    Raises:
        UnsupportedError: where it is aligned and the opset older than 16.
    """
    if builder.opset >= _OPSET_ALIGNED:
        modes = {"coordinate_transformation_mode": "half_pixel" if aligned else "output_half_pixel"}
    elif aligned:
        reason = f"aligned RoiAlign exists from opset {_OPSET_ALIGNED} on, not at {builder.opset}"
        raise UnsupportedError("RoiAlign", [reason])
    else:
        modes = {}
    image = builder.node("Cast", [_column(builder, rois, 0)], to=7)
    return builder.node(
        "RoiAlign",
        [data, columns(builder, rois, 1, 5), image],
        output,
        **modes,
        output_height=pooled[0],
        output_width=pooled[1],
        sampling_ratio=max(samples, 0),
        spatial_scale=scale,
    )


@dataclass(frozen=True, slots=True)
class ScoreMaps:
    """Position-sensitive score maps (N, D * g * g, H, W): one map per output channel and cell of a g x g grid.

    Attributes:
        outputs: number D of output channels.
        group: g.
        height: H.
        width: W.
    """

    outputs: int
    group: int
    height: int
    width: int


def position_sensitive_pool(
    builder: OnnxBuilder,
    data: str,
    rois: str,
    maps: ScoreMaps,
    *,
    pooled: int,
    scale: float,
    output: str | None = None,
) -> str:
    """The average of each bin in the score map that belongs to its place, (R, D, pooled, pooled).

    R-FCN's `psroi_pooling_layer.cu` and MXNet's PSROIPooling: corners are rounded in pixels, the far ones plus one; a
    region is at least 0.1 cells wide; an empty bin gives 0. The sum over a bin is a product with the 0-1 rows that mark
    the bins' columns, then with those that mark their rows.

    Args:
        builder: receives the nodes.
        data: the score maps.
        rois: (R, 5).
        maps: what `data` holds.
        pooled: bins along each axis.
        scale: from pixels to cells.
        output: wanted name of the result.
    """
    rows = _bin_marks(builder, rois, (2, 4), pooled=pooled, size=maps.height, scale=scale)
    cols = _bin_marks(builder, rois, (1, 3), pooled=pooled, size=maps.width, scale=scale)
    grouped = _maps_of_bins(builder, data, maps, pooled)
    sums = _sum_columns(builder, grouped, _marks_in_image(builder, data, rois, cols), maps, pooled)
    turned = builder.node("Transpose", [rows], perm=[1, 2, 0])  # (ph, H, R)
    total = reduce(builder, "Sum", builder.node("Mul", [sums, turned]), [3], keepdims=False)  # (pw, D, ph, R)
    placed = builder.node("Transpose", [total], perm=[3, 1, 2, 0])
    return builder.node("Div", [placed, _cell_counts(builder, rows, cols)], output)


def select_places(
    builder: OnnxBuilder, pooled: str, outputs: int, bins: Sequence[int], output: str | None = None
) -> str:
    """From (R, D * ph * pw, ph, pw) the value of each bin in its own channel: (R, D, ph, pw)."""
    places = bins[0] * bins[1]
    split = builder.node("Reshape", [pooled, builder.integers([-1, outputs, places, places], "shape")])
    own = builder.node("Mul", [split, builder.constant(np.eye(places, dtype=np.float32), "own_place")])
    return builder.node(
        "Reshape",
        [reduce(builder, "Sum", own, [2], keepdims=False), builder.integers([-1, outputs, *bins], "shape")],
        output,
    )


def _column(builder: OnnxBuilder, rois: str, index: int) -> str:
    return builder.node("Gather", [rois, builder.integers(index, "column")], axis=1)


def _round_half_away(builder: OnnxBuilder, tensor: str) -> str:
    """As C's round; ONNX's Round would take halves to the even neighbour."""
    up = builder.node("Floor", [arithmetic(builder, "Add", builder.node("Abs", [tensor]), 0.5)])
    return builder.node("Mul", [builder.node("Sign", [tensor]), up])


def _bin_marks(
    builder: OnnxBuilder, rois: str, corner: tuple[int, int], *, pooled: int, size: int, scale: float
) -> str:
    """(R, pooled, size): 1.0 where a cell along the axis belongs to a bin, else 0.0."""
    first, last = (_round_half_away(builder, columns(builder, rois, c, c + 1)) for c in corner)
    start = arithmetic(builder, "Mul", first, scale)
    end = arithmetic(builder, "Mul", arithmetic(builder, "Add", last, 1.0), scale)
    width = builder.node("Max", [builder.node("Sub", [end, start]), builder.constant(np.float32(0.1), "least")])
    step = arithmetic(builder, "Div", width, float(pooled))  # (R, 1)
    bins = builder.constant(np.arange(pooled), "bins", np.float32)
    following = builder.constant(np.arange(1, pooled + 1), "bins", np.float32)
    low = builder.node("Floor", [builder.node("Add", [builder.node("Mul", [step, bins]), start])])
    high = builder.node("Ceil", [builder.node("Add", [builder.node("Mul", [step, following]), start])])
    cells = builder.constant(np.arange(size), "cells", np.float32)
    axis = builder.integers([2], "axes")
    inside = builder.node(
        "And",
        [
            builder.node("LessOrEqual", [builder.node("Unsqueeze", [low, axis]), cells]),
            builder.node("Greater", [builder.node("Unsqueeze", [high, axis]), cells]),
        ],
    )
    return builder.node("Cast", [inside], to=1)


def _maps_of_bins(builder: OnnxBuilder, data: str, maps: ScoreMaps, pooled: int) -> str:
    """(pw, D * ph * H, N * W): for each column of bins the maps of its place, laid out for a matrix product."""
    g = maps.group
    split = [-1, maps.outputs, g, g, maps.height, maps.width]
    grouped = builder.node("Reshape", [data, builder.integers(split, "shape")])
    if pooled != g:
        places = builder.integers([i * g // pooled for i in range(pooled)], "places")
        grouped = builder.node("Gather", [builder.node("Gather", [grouped, places], axis=2), places], axis=3)
    turned = builder.node("Transpose", [grouped], perm=[3, 1, 2, 4, 0, 5])  # (pw, D, ph, H, N, W)
    shape = [pooled, maps.outputs * pooled * maps.height, -1]
    return builder.node("Reshape", [turned, builder.integers(shape, "shape")])


def _marks_in_image(builder: OnnxBuilder, data: str, rois: str, marks: str) -> str:
    """(pw, N * W, R): the marks (R, pw, W), zero in all images but the region's own."""
    images = builder.node("Shape", [data])
    count = builder.node("Squeeze", [columns(builder, images, 0, 1)])
    indices = builder.node("Range", [builder.integers(0, "start"), count, builder.integers(1, "step")])
    own = builder.node("Cast", [columns(builder, rois, 0, 1)], to=7)
    same = builder.node("Cast", [builder.node("Equal", [own, indices])], to=1)  # (R, N)
    spread = builder.node("Unsqueeze", [same, builder.integers([0, 3], "axes")])  # (1, R, N, 1)
    turned = builder.node(
        "Unsqueeze", [builder.node("Transpose", [marks], perm=[1, 0, 2]), builder.integers([2], "axes")]
    )
    product = builder.node("Transpose", [builder.node("Mul", [turned, spread])], perm=[0, 2, 3, 1])  # (pw, N, W, R)
    merged = columns(builder, builder.node("Shape", [product]), 3, 4)
    pw = columns(builder, builder.node("Shape", [product]), 0, 1)
    shape = builder.node("Concat", [pw, builder.integers([-1], "rest"), merged], axis=0)
    return builder.node("Reshape", [product, shape])


def _sum_columns(builder: OnnxBuilder, grouped: str, marks: str, maps: ScoreMaps, pooled: int) -> str:
    """(pw, D, ph, H, R): sums over the columns of each bin."""
    product = builder.node("MatMul", [grouped, marks])
    regions = columns(builder, builder.node("Shape", [product]), 2, 3)
    known = builder.integers([pooled, maps.outputs, pooled, maps.height], "shape")
    return builder.node("Reshape", [product, builder.node("Concat", [known, regions], axis=0)])


def _cell_counts(builder: OnnxBuilder, rows: str, cols: str) -> str:
    """(R, 1, ph, pw): cells in each bin, at least 1."""
    high = reduce(builder, "Sum", rows, [2])  # (R, ph, 1)
    wide = builder.node("Transpose", [reduce(builder, "Sum", cols, [2])], perm=[0, 2, 1])
    cells = builder.node("Max", [builder.node("Mul", [high, wide]), builder.constant(np.float32(1), "one")])
    return builder.node("Unsqueeze", [cells, builder.integers([1], "axes")])
