"""Non-maximum suppression by ONNX's operator, with the conventions of the detectors put around it.

onnxruntime keeps a box if its score is greater than the threshold, drops one whose overlap with a kept one of the same
class is greater than the threshold, and lists what it kept by image, then class, then falling score; equal scores in
their order.
"""

from __future__ import annotations

import numpy as np

from ..errors import SourceError
from .boxes import columns, join
from .onnx_builder import OnnxBuilder

LOWEST = -3e38
"""Stands for 'no candidate' among scores."""

ANY_SCORE = -1e38
"""A score threshold that only `LOWEST` fails."""


def select_boxes(
    builder: OnnxBuilder,
    boxes: str,
    scores: str,
    *,
    iou_threshold: float,
    limit: int,
    score_threshold: float = ANY_SCORE,
) -> str:
    """Indices (image, class, box) of the boxes that survive, shape (M, 3), int64.

    Boxes whose corners are exchanged have no area and overlap with nothing, as in Caffe and MXNet; ONNX alone would
    turn them around.

    Args:
        builder: receives the nodes.
        boxes: (N, P, 4) corners.
        scores: (N, C, P).
        iou_threshold: the largest overlap allowed; overlap greater than it suppresses.
        limit: boxes to keep per image and class, at most.
        score_threshold: scores must be greater.

    Raises:
        SourceError: a negative overlap.
    """
    if iou_threshold < 0:
        raise SourceError(f"the overlap threshold of non-maximum suppression is {iou_threshold}; give one from 0 to 1")
    low, high = columns(builder, boxes, 0, 2), columns(builder, boxes, 2, 4)
    upright = join(builder, low, builder.node("Max", [high, low]))
    thresholds = [
        builder.constant([min(iou_threshold, 1.0)], "iou_threshold", np.float32),
        builder.constant([max(score_threshold, ANY_SCORE)], "score_threshold", np.float32),
    ]
    return builder.node(
        "NonMaxSuppression", [upright, scores, builder.integers([limit], "max_output_boxes"), *thresholds]
    )


def keep_top(builder: OnnxBuilder, scores: str, count: int) -> str:
    """`scores` with all but the `count` largest of the last axis replaced by `LOWEST`; the first of equals stay."""
    k = builder.integers([count], "top_k")
    values, indices = builder.node_with_outputs("TopK", [scores, k], ["top_scores", "top_indices"], axis=-1)
    empty = fill_like(builder, scores, LOWEST)
    return builder.node("ScatterElements", [empty, indices, values], axis=-1)


def fill_like(builder: OnnxBuilder, tensor: str, value: float) -> str:
    """A float32 tensor of the shape of `tensor`, full of `value`."""
    shape = builder.node("Shape", [tensor])
    return builder.node("Expand", [builder.constant(np.float32(value), "fill"), shape])


def mark_selected(builder: OnnxBuilder, selected: str, scores: str) -> str:
    """1.0 where `selected` (M, 3) points into `scores` (N, C, P), elsewhere 0.0."""
    count = builder.node("Slice", [builder.node("Shape", [selected]), *_bounds(builder, 0, 1)])
    ones = builder.node("Expand", [builder.constant(np.float32(1), "one"), count])
    return builder.node("ScatterND", [fill_like(builder, scores, 0.0), selected, ones])


def take_rows(builder: OnnxBuilder, table: str, rows: str, output: str | None = None) -> str:
    """For each image the rows of `table` (N, P, E) that `rows` (N, K) names: (N, K, E)."""
    indices = builder.node("Unsqueeze", [rows, builder.integers([-1], "axes")])
    return builder.node("GatherND", [table, indices], output, batch_dims=1)


def as_column(builder: OnnxBuilder, flags: str) -> str:
    """`flags` with a last axis of size 1, to be laid over rows."""
    return builder.node("Unsqueeze", [flags, builder.integers([-1], "axes")])


def _bounds(builder: OnnxBuilder, start: int, end: int) -> list[str]:
    return [builder.integers([start], "start"), builder.integers([end], "end")]
