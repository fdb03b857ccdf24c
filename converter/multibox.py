"""The last layer of a single-shot detector in MXNet's form: one row per anchor, -1 where there is nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .boxes import columns, number
from .onnx_builder import OnnxBuilder
from .reduction import reduce
from .suppression import LOWEST, as_column, mark_selected, select_boxes, take_rows


@dataclass(frozen=True, slots=True)
class MultiBoxOptions:
    """Options of MXNet's MultiBoxDetection.

    Attributes:
        classes: number C of classes, the background (0) among them.
        anchors: number A of boxes.
        score_threshold: scores must reach it.
        iou_threshold: overlap that reaches it suppresses; outside of (0, 1] nothing is suppressed or sorted.
        force_suppress: whether boxes of other classes suppress too.
        top_k: best candidates that enter suppression; 0 or less: all.
    """

    classes: int
    anchors: int
    score_threshold: float = 0.01
    iou_threshold: float = 0.5
    force_suppress: bool = False
    top_k: int = -1


def multibox_detections(
    builder: OnnxBuilder, probabilities: str, boxes: str, options: MultiBoxOptions, output: str | None = None
) -> str:
    """Rows (label, score, corners), (N, A, 6), best first; suppressed ones have the label -1 (`multibox_detection.cc`).

    Labels do not count the background. Rows without a candidate are -1 throughout.

    Args:
        builder: receives the nodes.
        probabilities: (N, C, A).
        boxes: decoded corners, (N, A, 4).
        options: what is kept.
        output: wanted name of the result.
    """
    bounds = [builder.integers([value], "classes") for value in (1, options.classes, 1)]
    objects = builder.node("Slice", [probabilities, *bounds])
    scores = reduce(builder, "Max", objects, [1], keepdims=False)
    label_indices = builder.node("ArgMax", [objects], axis=1, keepdims=0)
    labels = builder.node("Cast", [label_indices], to=1)
    least = builder.constant(np.float32(options.score_threshold), "threshold")
    valid = builder.node("GreaterOrEqual", [scores, least])
    parts = [builder.node("Unsqueeze", [part, builder.integers([2], "axes")]) for part in (labels, scores)]
    table = builder.node("Concat", [*parts, boxes], axis=2)
    in_order = _gather_sorted(builder, table, builder.node("Cast", [valid], to=1), valid, options.anchors)
    if not 0 < options.iou_threshold <= 1:
        return builder.node("Identity", [in_order], output)
    ranked = builder.node("Where", [valid, scores, number(builder, LOWEST)])
    best_first = _gather_sorted(builder, table, ranked, valid, options.anchors)
    return _suppress(builder, best_first, in_order, options, output)


def _suppress(builder: OnnxBuilder, rows: str, unsorted: str, options: MultiBoxOptions, output: str | None) -> str:
    """`rows` (N, A, 6) with the label -1 where a better box suppresses them, or beyond the best `top_k`."""
    labels = columns(builder, rows, 0, 1)
    candidates = _class_scores(builder, rows, None if options.force_suppress else options.classes - 1)
    limited = 0 < options.top_k < options.anchors
    if limited:
        early = builder.constant(np.arange(options.anchors) < options.top_k, "early")
        candidates = builder.node("Where", [early, candidates, number(builder, LOWEST)])
        rows = builder.node("Where", [as_column(builder, early), rows, unsorted])  # MXNet leaves the others unsorted
    # ONNX suppresses what exceeds the threshold, MXNet what reaches it.
    threshold = float(np.nextafter(np.float32(options.iou_threshold), np.float32(0)))
    boxes = columns(builder, rows, 2, 6)
    selected = select_boxes(builder, boxes, candidates, iou_threshold=threshold, limit=options.anchors)
    kept = reduce(builder, "Max", mark_selected(builder, selected, candidates), [1], keepdims=False)
    keep = builder.node("Cast", [as_column(builder, kept)], to=9)
    final = builder.node("Where", [keep, labels, number(builder, -1.0)])
    return builder.node("Concat", [final, columns(builder, rows, 1, 6)], output, axis=2)


def _class_scores(builder: OnnxBuilder, rows: str, classes: int | None) -> str:
    """(N, C, A): the score of each row (label, score, ...) in its class, LOWEST in the others; one class if None.

    Rows without a label, which is -1, have no score anywhere.
    """
    labels, scores = (builder.node("Transpose", [columns(builder, rows, i, i + 1)], perm=[0, 2, 1]) for i in (0, 1))
    if classes is None:
        own = builder.node("GreaterOrEqual", [labels, number(builder, 0.0)])
    else:
        numbers = builder.constant(np.arange(classes)[:, None], "class_numbers", np.float32)
        own = builder.node("Equal", [labels, numbers])
    return builder.node("Where", [own, scores, number(builder, LOWEST)])


def _gather_sorted(builder: OnnxBuilder, table: str, keys: str, valid: str, count: int) -> str:
    """The rows of `table` (N, A, E) by falling `keys` (N, A), -1 where they are not `valid`."""
    names = ["sorted_keys", "order"]
    _, order = builder.node_with_outputs("TopK", [keys, builder.integers([count], "count")], names, axis=1)
    marked = builder.node("Where", [as_column(builder, valid), table, number(builder, -1.0)])
    return take_rows(builder, marked, order)
