"""Non-maximum suppression of rows in MXNet's form: as many rows out as in, -1 where there is nothing."""

from __future__ import annotations

from dataclasses import dataclass

from .boxes import centres_to_corners, columns, corners_to_centres, number
from .onnx_builder import OnnxBuilder
from .reduction import reduce
from .suppression import LOWEST, as_column, mark_selected, select_boxes, take_rows


@dataclass(frozen=True, slots=True)
class BoxNmsOptions:
    """Options of MXNet's box_nms, for candidates of `width` elements each.

    Attributes:
        candidates: number P of rows per image.
        width: elements E of a row.
        iou_threshold: overlap greater than it suppresses.
        score_threshold: scores must be greater.
        top_k: best candidates that enter suppression, the others are dropped; negative: all.
        first_coordinate: column where the four of the box begin.
        score_column: column of the score.
        label_column: column of the label; negative: none, and all boxes suppress each other.
        background: label that is dropped; negative: none.
        force_suppress: whether boxes of other labels suppress too.
        centres_in: whether boxes are given by centre and size.
        centres_out: whether they are to be.
    """

    candidates: int
    width: int
    iou_threshold: float = 0.5
    score_threshold: float = 0.0
    top_k: int = -1
    first_coordinate: int = 2
    score_column: int = 1
    label_column: int = -1
    background: int = -1
    force_suppress: bool = False
    centres_in: bool = False
    centres_out: bool = False

    @property
    def considered(self) -> int:
        """Candidates that enter suppression."""
        return self.candidates if self.top_k < 0 else min(self.top_k, self.candidates)


def box_nms(builder: OnnxBuilder, data: str, options: BoxNmsOptions, output: str | None = None) -> str:
    """The surviving rows of `data` (N, P, E), best first, then rows of -1 (`bounding_box-inl.h`).

    Args:
        builder: receives the nodes.
        data: candidates.
        options: what is kept; `top_k` must not be 0 (MXNet then copies its input).
        output: wanted name of the result.
    """
    count = options.considered
    scores = _flat_column(builder, data, options.score_column)
    valid = builder.node("Greater", [scores, number(builder, options.score_threshold)])
    if options.background >= 0 <= options.label_column:
        labels = _flat_column(builder, data, options.label_column)
        other = builder.node("Not", [builder.node("Equal", [labels, number(builder, float(options.background))])])
        valid = builder.node("And", [valid, other])
    keys = builder.node("Where", [valid, scores, number(builder, LOWEST)])
    names = ["sorted_scores", "order"]
    best, order = builder.node_with_outputs("TopK", [keys, builder.integers([count], "count")], names, axis=1)
    rows = take_rows(builder, data, order)
    kept = _kept_rows(builder, rows, best, options)
    compact = _compact(builder, rows, kept, options.candidates - count, count)
    return _convert_boxes(builder, compact, options, output)


def _kept_rows(builder: OnnxBuilder, rows: str, scores: str, options: BoxNmsOptions) -> str:
    """(N, K): 1.0 for the rows that survive, 0.0 for the others."""
    start = options.first_coordinate
    boxes = columns(builder, rows, start, start + 4)
    if options.centres_in:
        boxes = centres_to_corners(builder, boxes)
    by_class = builder.node("Unsqueeze", [scores, builder.integers([1], "axes")])  # (N, 1, K)
    if options.label_column >= 0 and not options.force_suppress:
        by_class = _scores_by_label(builder, rows, by_class, options.label_column)
    selected = select_boxes(builder, boxes, by_class, iou_threshold=options.iou_threshold, limit=options.considered)
    return reduce(builder, "Max", mark_selected(builder, selected, by_class), [1], keepdims=False)


def _scores_by_label(builder: OnnxBuilder, rows: str, scores: str, label_column: int) -> str:
    """(N, C, K): the scores (N, 1, K), each in the class of its own label; C is counted when the network runs.

    Labels are cut to whole numbers, as MXNet does; the smallest becomes class 0.
    """
    whole = builder.node("Cast", [_flat_column(builder, rows, label_column)], to=7)
    least = reduce(builder, "Min", whole, [0, 1], keepdims=False)
    shifted = builder.node("Sub", [whole, least])
    last = reduce(builder, "Max", shifted, [0, 1], keepdims=False)
    end = builder.node("Add", [last, builder.integers(1, "one")])
    numbers = builder.node("Range", [builder.integers(0, "start"), end, builder.integers(1, "step")])
    labels = builder.node("Unsqueeze", [shifted, builder.integers([1], "axes")])
    own = builder.node("Equal", [labels, builder.node("Unsqueeze", [numbers, builder.integers([1], "axes")])])
    return builder.node("Where", [own, scores, number(builder, LOWEST)])


def _compact(builder: OnnxBuilder, rows: str, kept: str, missing: int, count: int) -> str:
    """The kept rows first, in their order, then rows of -1, `missing` of them more than there were."""
    names = ["sorted_kept", "kept_first"]
    _, order = builder.node_with_outputs("TopK", [kept, builder.integers([count], "count")], names, axis=1)
    keep = builder.node("Cast", [as_column(builder, kept)], to=9)
    marked = builder.node("Where", [keep, rows, number(builder, -1.0)])
    compact = take_rows(builder, marked, order)
    if not missing:
        return compact
    pads = builder.integers([0, 0, 0, 0, missing, 0], "pads")
    return builder.node("Pad", [compact, pads, number(builder, -1.0)])


def _convert_boxes(builder: OnnxBuilder, rows: str, options: BoxNmsOptions, output: str | None) -> str:
    """`rows` with their boxes in the form wanted; MXNet leaves a box alone whose first coordinate is negative."""
    if options.centres_in == options.centres_out:
        return builder.node("Identity", [rows], output)
    start = options.first_coordinate
    boxes = columns(builder, rows, start, start + 4)
    converted = corners_to_centres(builder, boxes) if options.centres_out else centres_to_corners(builder, boxes)
    negative = builder.node("Less", [columns(builder, boxes, 0, 1), number(builder, 0.0)])
    parts = [builder.node("Where", [negative, boxes, converted])]
    if start > 0:
        parts.insert(0, columns(builder, rows, 0, start))
    if start + 4 < options.width:
        parts.append(columns(builder, rows, start + 4, options.width))
    return builder.node("Concat", parts, output, axis=2)


def _flat_column(builder: OnnxBuilder, rows: str, index: int) -> str:
    """Element `index` of every row of (N, P, E): (N, P)."""
    return builder.node("Gather", [rows, builder.integers(index, "column")], axis=2)
