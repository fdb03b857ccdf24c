"""Arithmetic of boxes: corners and centres, and the codes that detectors regress.

Boxes lie in the last axis: corners (xmin, ymin, xmax, ymax), or centres (x, y, width, height).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .folding import compute
from .onnx_builder import OnnxBuilder

Code = Literal["CORNER", "CENTER_SIZE", "CORNER_SIZE"]
"""What the deltas of a box are: offsets of its corners; offsets of its centre in units of the prior's size and the
logarithm of its size; offsets of its corners in units of the prior's size."""


def columns(builder: OnnxBuilder, tensor: str, start: int, end: int) -> str:
    """The elements `start` to `end` (exclusive) of the last axis."""
    bounds = [builder.integers([value], "columns") for value in (start, end, -1)]
    return compute(builder, "Slice", [tensor, *bounds])


def number(builder: OnnxBuilder, value: float, name: str = "number") -> str:
    """A float32 scalar."""
    return builder.constant(np.float32(value), name)


def arithmetic(builder: OnnxBuilder, operator: str, left: str, right: str | float, output: str | None = None) -> str:
    """`left` operator `right`, folded where both are constants."""
    second = right if isinstance(right, str) else number(builder, right)
    return compute(builder, operator, [left, second], output)


def join(builder: OnnxBuilder, low: str, high: str, output: str | None = None) -> str:
    """Boxes from their first and second halves."""
    return compute(builder, "Concat", [low, high], output, axis=-1)


def corners_to_centres(builder: OnnxBuilder, boxes: str, output: str | None = None) -> str:
    """(xmin, ymin, xmax, ymax) to (x, y, width, height)."""
    low, high = columns(builder, boxes, 0, 2), columns(builder, boxes, 2, 4)
    centre = arithmetic(builder, "Div", arithmetic(builder, "Add", low, high), 2.0)
    return join(builder, centre, arithmetic(builder, "Sub", high, low), output)


def centres_to_corners(builder: OnnxBuilder, boxes: str, output: str | None = None) -> str:
    """(x, y, width, height) to (xmin, ymin, xmax, ymax)."""
    centre, half = columns(builder, boxes, 0, 2), arithmetic(builder, "Div", columns(builder, boxes, 2, 4), 2.0)
    return join(builder, arithmetic(builder, "Sub", centre, half), arithmetic(builder, "Add", centre, half), output)


def decode_boxes(
    builder: OnnxBuilder,
    deltas: str,
    priors: str,
    variances: str | None,
    code: Code,
    *,
    output: str | None = None,
) -> str:
    """Corners of the boxes that `deltas` describe relative to `priors` (SSD branch of Caffe, `bbox_util.cpp`).

    Args:
        builder: receives the nodes.
        deltas: (..., P, 4) regressed values.
        priors: corners, of a shape that broadcasts against `deltas`.
        variances: factors of the deltas, likewise; None where they are in the targets already.
        code: what the deltas are.
        output: wanted name of the result.
    """
    if variances is not None:
        deltas = arithmetic(builder, "Mul", deltas, variances)
    if code == "CORNER":
        return arithmetic(builder, "Add", priors, deltas, output)
    low, high = columns(builder, priors, 0, 2), columns(builder, priors, 2, 4)
    size = arithmetic(builder, "Sub", high, low)
    if code == "CORNER_SIZE":
        scaled = arithmetic(builder, "Mul", deltas, join(builder, size, size))
        return arithmetic(builder, "Add", priors, scaled, output)
    centres = join(builder, arithmetic(builder, "Div", arithmetic(builder, "Add", low, high), 2.0), size)
    return decode_centres(builder, deltas, centres, output=output)


def decode_centres(
    builder: OnnxBuilder, deltas: str, priors: str, *, size_shrink: float = 0.0, output: str | None = None
) -> str:
    """Corners of boxes whose `deltas` are relative to `priors` given by centre and size.

    Args:
        builder: receives the nodes.
        deltas: (..., P, 4): offsets of the centre in units of the prior's size, logarithms of the size's factors.
        priors: centres and sizes, of a shape that broadcasts against `deltas`.
        size_shrink: taken from the size before the corners are placed; 1 where sizes count pixels inclusively.
        output: wanted name of the result.
    """
    centre, size = columns(builder, priors, 0, 2), columns(builder, priors, 2, 4)
    offset = arithmetic(builder, "Mul", columns(builder, deltas, 0, 2), size)
    placed = arithmetic(builder, "Add", offset, centre)
    grown = arithmetic(builder, "Mul", compute(builder, "Exp", [columns(builder, deltas, 2, 4)]), size)
    if size_shrink:
        grown = arithmetic(builder, "Sub", grown, size_shrink)
    half = arithmetic(builder, "Div", grown, 2.0)
    return join(builder, arithmetic(builder, "Sub", placed, half), arithmetic(builder, "Add", placed, half), output)
