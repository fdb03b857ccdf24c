"""The grids of boxes that detectors regress from; known when the network is converted.

All are computed as the frameworks do, in float32 where they use it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PriorOptions:
    """Options of SSD's PriorBox layer.

    Attributes:
        min_sizes: in pixels, one or more.
        max_sizes: in pixels, none or as many.
        aspect_ratios: besides 1, with their inverses where they are flipped.
        clip: whether boxes end at the image's border.
        step: (height, width) pixels between centres; zeros: the image over the map.
        offset: of the centres, in steps.
    """

    min_sizes: tuple[float, ...]
    max_sizes: tuple[float, ...] = ()
    aspect_ratios: tuple[float, ...] = ()
    clip: bool = False
    step: tuple[float, float] = (0.0, 0.0)
    offset: float = 0.5


def ssd_priors(options: PriorOptions, cells: tuple[int, int], image: tuple[int, int]) -> Boxes:
    """Corners in units of the image, (height * width * priors per cell, 4).

    Follows `prior_box_layer.cpp` of Caffe's SSD branch; sizes are cut to whole pixels there, and so they are here.

    Args:
        options: of the layer.
        cells: height and width of the feature map.
        image: height and width of the image in pixels.
    """
    sizes = np.array(_prior_sizes(options), np.float32)  # (K, 2): width, height
    height, width = cells
    given = all(options.step)
    step_y, step_x = options.step if given else (image[0] / height, image[1] / width)
    centre_y = (np.arange(height, dtype=np.float32) + np.float32(options.offset)) * np.float32(step_y)
    centre_x = (np.arange(width, dtype=np.float32) + np.float32(options.offset)) * np.float32(step_x)
    centres = np.stack(np.broadcast_arrays(centre_x[None, :], centre_y[:, None]), -1)[:, :, None]
    extent = np.array([image[1], image[0]], np.float32)
    low, high = (centres - sizes / 2) / extent, (centres + sizes / 2) / extent
    boxes = np.concatenate([low, high], -1).reshape(-1, 4).astype(np.float32)
    return np.clip(boxes, 0, 1) if options.clip else boxes


def _prior_sizes(options: PriorOptions) -> list[tuple[float, float]]:
    """Width and height of the priors of one cell."""
    sizes: list[tuple[float, float]] = []
    for index, min_size in enumerate(options.min_sizes):
        base = float(int(min_size))
        sizes.append((base, base))
        if options.max_sizes:
            between = math.sqrt(int(min_size) * int(options.max_sizes[index]))
            sizes.append((between, between))
        sizes += [(base * np.sqrt(ratio), base / np.sqrt(ratio)) for ratio in options.aspect_ratios]
    return sizes


def all_aspect_ratios(given: Sequence[float], *, flip: bool) -> tuple[float, ...]:
    """SSD's aspect ratios besides 1: each once, followed by its inverse where they are flipped."""
    ratios = [1.0]
    for ratio in given:
        if all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios += [ratio, 1.0 / ratio] if flip else [ratio]
    return tuple(ratio for ratio in ratios if abs(ratio - 1) >= 1e-6)


def multibox_priors(
    cells: tuple[int, int],
    sizes: Sequence[float],
    ratios: Sequence[float],
    *,
    steps: tuple[float, float] = (-1.0, -1.0),
    offsets: tuple[float, float] = (0.5, 0.5),
    clip: bool = False,
) -> Boxes:
    """Corners in units of the image, (height * width * (sizes + ratios - 1), 4): MXNet's `multibox_prior.cc`.

    Args:
        cells: height and width of the feature map.
        sizes: of the boxes of aspect ratio `ratios[0]`, in units of the image's height.
        ratios: the others are used with the first size.
        steps: (y, x) between centres; not positive: one over the number of cells.
        offsets: (y, x) of the centres, in steps.
        clip: whether boxes end at the image's border.
    """
    height, width = cells
    one = np.float32(1)
    step_y = np.float32(steps[0]) if steps[0] > 0 else one / np.float32(height)
    step_x = np.float32(steps[1]) if steps[1] > 0 else one / np.float32(width)
    centre_y = (np.arange(height, dtype=np.float32) + np.float32(offsets[0])) * step_y
    centre_x = (np.arange(width, dtype=np.float32) + np.float32(offsets[1])) * step_x
    shapes = [(np.float32(size), np.float32(ratios[0])) for size in sizes]
    shapes += [(np.float32(sizes[0]), np.float32(ratio)) for ratio in ratios[1:]]
    halves = np.array(
        [(s * height / width * np.sqrt(r) / 2, s / np.sqrt(r) / 2) for s, r in shapes], np.float32
    )  # (K, 2): width, height
    centres = np.stack(np.broadcast_arrays(centre_x[None, :], centre_y[:, None]), -1)[:, :, None]
    boxes = np.concatenate([centres - halves, centres + halves], -1).reshape(-1, 4).astype(np.float32)
    return np.clip(boxes, 0, 1) if clip else boxes


_MIN_RATIO = 1e-6
"""Height over width of an anchor; nothing that was ever trained comes near."""


def region_anchors(
    base: int, ratios: Sequence[float], scales: Sequence[float], *, floor_area: bool, half_even: bool = False
) -> Boxes:
    """Corners in pixels of the anchors of a region proposal network at the first cell, (ratios * scales, 4).

    A square of `base` pixels takes each ratio, its sides rounded to whole pixels, then each scale; corners are
    inclusive (py-faster-rcnn `generate_anchors.py`, MXNet `proposal-inl.h`).

    Raises:
        ValueError: a ratio is not above 0, or a size is no number of pixels.

    Args:
        base: side of the square.
        ratios: height over width.
        scales: factors of the sides.
        floor_area: whether the area over the ratio is cut to a whole number, as MXNet does.
        half_even: whether halves are rounded to even numbers, as NumPy does, or up.
    """
    possible = all(_MIN_RATIO <= ratio <= 1 / _MIN_RATIO for ratio in ratios) and np.isfinite(scales).all()
    if not (len(ratios) and len(scales) and possible):
        raise ValueError(f"anchors of ratios {tuple(ratios)} and scales {tuple(scales)} are none: ratios are above 0")
    centre, anchors = (base - 1) / 2, []
    for ratio in ratios:
        area = base * base / ratio
        wide = _nearest(math.sqrt(math.floor(area) if floor_area else area), half_even=half_even)
        high = _nearest(wide * ratio, half_even=half_even)
        for scale in scales:
            half = np.array([wide * scale - 1, high * scale - 1]) / 2
            anchors.append([*(centre - half), *(centre + half)])
    return np.array(anchors, np.float32)


def _nearest(value: float, *, half_even: bool) -> int:
    return round(value) if half_even else math.floor(value + 0.5)


def anchor_grid(anchors: Boxes, cells: tuple[int, int], stride: int) -> Boxes:
    """The anchors shifted to every cell, (height * width * A, 4)."""
    height, width = cells
    x, y = np.meshgrid(np.arange(width) * stride, np.arange(height) * stride)
    shifts = np.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (anchors[None] + shifts).reshape(-1, 4).astype(np.float32)
