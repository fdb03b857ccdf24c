"""Enlarging and shrinking of feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .onnx_builder import OnnxBuilder

Coordinates = Literal["align_corners", "half_pixel", "asymmetric"]
"""Where the output's cell i looks in the input, for sizes n (in) and m (out).

align_corners: i (n - 1) / (m - 1), or 0 where m is 1; half_pixel: (i + 1/2) n / m - 1/2; asymmetric: i n / m; all
clamped to the data.
"""


def repeat_pixels(builder: OnnxBuilder, data: str, factors: Sequence[int], output: str | None = None) -> str:
    """Nearest-neighbour enlargement by whole factors, one per spatial axis; the rest of `data`'s axes are two."""
    scales = builder.constant([1, 1, *factors], "scales", np.float32)
    return builder.node(
        "Resize",
        [data, "", scales],
        output,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def resize_linear(
    builder: OnnxBuilder,
    data: str,
    *,
    sizes: Sequence[int],
    target: Sequence[int],
    coordinates: Coordinates,
    output: str | None = None,
) -> str:
    """Linear interpolation along each spatial axis, without smoothing where it shrinks.

    Args:
        builder: receives the nodes.
        data: (batch, channels, spatial...).
        sizes: of the spatial axes.
        target: the sizes wanted.
        coordinates: the rule.
        output: wanted name of the result.
    """
    return builder.node(
        "Resize",
        [data, "", _scales(builder, sizes, target)],
        output,
        mode="linear",
        coordinate_transformation_mode=coordinates,
    )


def resize_nearest(
    builder: OnnxBuilder,
    data: str,
    *,
    sizes: Sequence[int],
    target: Sequence[int],
    coordinates: Coordinates,
    rounding: Literal["floor", "round_prefer_ceil"],
    output: str | None = None,
) -> str:
    """The nearest cell along each spatial axis, by gathering rows and columns; exact for every ratio.

    Args:
        builder: receives the nodes.
        data: (batch, channels, spatial...).
        sizes: of the spatial axes.
        target: the sizes wanted.
        coordinates: the rule.
        rounding: of the coordinates.
        output: wanted name of the result.
    """
    last = len(sizes) - 1
    for axis, (size, wanted) in enumerate(zip(sizes, target, strict=True)):
        places = source_coordinates(size, wanted, coordinates)
        cells = np.floor(places if rounding == "floor" else places + np.float32(0.5))
        indices = builder.integers(np.clip(cells, 0, size - 1).astype(np.int64).tolist(), "cells")
        data = builder.node("Gather", [data, indices], output if axis == last else None, axis=2 + axis)
    return data


def source_coordinates(size: int, target: int, coordinates: Coordinates) -> NDArray[np.float32]:
    """For each of `target` cells the place among `size` cells that it looks at, in float32 as frameworks compute it."""
    cells: NDArray[np.float32] = np.arange(target, dtype=np.float32)
    if coordinates == "align_corners":
        cells *= np.float32((size - 1) / (target - 1) if target > 1 else 0)
    elif coordinates == "asymmetric":
        cells *= np.float32(size / target)
    else:
        cells = (cells + np.float32(0.5)) * np.float32(size / target) - np.float32(0.5)
    return cells


def _scales(builder: OnnxBuilder, sizes: Sequence[int], target: Sequence[int]) -> str:
    """The `scales` of Resize that lead from `sizes` to `target`: the operator rounds size * scale down, in float32."""
    scales = []
    for size, wanted in zip(sizes, target, strict=True):
        scale = np.float32(wanted / size)
        while int(np.float32(size) * scale) < wanted:
            scale = np.nextafter(scale, np.float32(np.inf))
        scales.append(scale)
    return builder.constant([1, 1, *scales], "scales", np.float32)
