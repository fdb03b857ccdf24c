"""Region proposals: the boxes that a region proposal network hands to the second stage of a detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .boxes import arithmetic, columns, decode_centres, join
from .onnx_builder import OnnxBuilder
from .priors import Boxes
from .reduction import reduce
from .suppression import LOWEST, mark_selected, select_boxes, take_rows


@dataclass(frozen=True, slots=True)
class ProposalOptions:
    """How proposals are made of anchors.

    Attributes:
        anchors: corners in pixels, both inclusive, (H * W * A, 4): by row, column, anchor.
        cells: H and W.
        pre_nms: candidates that enter suppression, at most.
        post_nms: proposals, at most.
        iou_threshold: larger overlap with a better proposal suppresses.
        min_size: of a proposal's sides, in pixels of the original image.
        small_score: the score of what is smaller; None drops it.
        centred: whether a box reaches (size - 1) / 2 to both sides of its centre, as MXNet has it; else it reaches
            size / 2, as in py-faster-rcnn.
        offsets: whether the deltas are offsets of the corners in pixels (MXNet's `iou_loss`).
        stride: where given, cells beyond the image's size over it get the score -1, and what is too small grows by
            the least size (MXNet).
        scale_columns: of the image's row, the scales of width and height that lead to the original image.
    """

    anchors: Boxes
    cells: tuple[int, int]
    pre_nms: int
    post_nms: int
    iou_threshold: float
    min_size: float
    small_score: float | None = None
    centred: bool = False
    offsets: bool = False
    stride: int | None = None
    scale_columns: tuple[int, int] = (2, 2)

    @property
    def candidates(self) -> int:
        """Number of candidates that enter suppression."""
        return min(self.pre_nms, len(self.anchors)) if self.pre_nms > 0 else len(self.anchors)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Decoded boxes, best first.

    Attributes:
        boxes: tensor (N, K, 4), inclusive corners in pixels.
        scores: tensor (N, K).
    """

    boxes: str
    scores: str


def propose_rows(
    builder: OnnxBuilder, scores: str, deltas: str, image: str, options: ProposalOptions
) -> tuple[str, str]:
    """Proposals as Caffe's layers give them: rows (image, corners), (R, 5), and their scores, (R, 1).

    Args:
        builder: receives the nodes.
        scores: of the foreground, (N, A, H, W).
        deltas: (N, 4 * A, H, W).
        image: rows of height, width and scale, (N, 3) or longer.
        options: how they are made.
    """
    found = _candidates(builder, scores, deltas, image, options)
    selected = _select(builder, found, options)
    places = builder.node("Gather", [selected, builder.integers([0, 2], "image_and_box")], axis=1)
    image_column = builder.node("Cast", [columns(builder, selected, 0, 1)], to=1)
    rows = builder.node("Concat", [image_column, builder.node("GatherND", [found.boxes, places])], axis=1)
    kept = builder.node("GatherND", [found.scores, places])
    return rows, builder.node("Unsqueeze", [kept, builder.integers([1], "axes")])


def propose_fixed(
    builder: OnnxBuilder, scores: str, deltas: str, image: str, options: ProposalOptions
) -> tuple[str, str]:
    """Proposals as MXNet gives them: `post_nms` rows per image, (N * post_nms, 5), and scores, (N * post_nms, 1).

    Where fewer survive they are repeated in turn (`proposal.cc`, `multi_proposal.cc`). Arguments as of `propose_rows`.
    """
    found = _candidates(builder, scores, deltas, image, options)
    by_class = builder.node("Unsqueeze", [found.scores, builder.integers([1], "axes")])
    kept = reduce(
        builder, "Max", mark_selected(builder, _select(builder, found, options), by_class), [1], keepdims=False
    )
    count = builder.node("Cast", [reduce(builder, "Sum", kept, [1])], to=7)  # (N, 1)
    k = builder.integers([options.candidates], "k")
    _, kept_first = builder.node_with_outputs("TopK", [kept, k], ["sorted_kept", "kept_first"], axis=1)
    numbers = builder.integers(list(range(options.post_nms)), "numbers")
    turn = builder.node("Mod", [numbers, count])  # (N, post_nms)
    places = builder.node("GatherElements", [kept_first, turn], axis=1)
    boxes = take_rows(builder, found.boxes, places)
    column = builder.node("Unsqueeze", [found.scores, builder.integers([2], "axes")])
    rows = builder.node("Concat", [_image_numbers(builder, turn), boxes], axis=2)
    flat = builder.node("Reshape", [rows, builder.integers([-1, 5], "shape")])
    return flat, builder.node("Reshape", [take_rows(builder, column, places), builder.integers([-1, 1], "shape")])


def _candidates(builder: OnnxBuilder, scores: str, deltas: str, image: str, options: ProposalOptions) -> Candidates:
    flat_scores = _by_cell(builder, scores, [0, -1])
    flat_deltas = _by_cell(builder, deltas, [0, -1, 4])
    rows = builder.node("Unsqueeze", [image, builder.integers([1], "axes")])  # (N, 1, 3)
    boxes = _clip(builder, _decode(builder, flat_deltas, options), rows)
    boxes, flat_scores = _demote(builder, boxes, flat_scores, rows, options)
    names = ["candidate_scores", "candidates"]
    k = builder.integers([options.candidates], "pre_nms")
    best, order = builder.node_with_outputs("TopK", [flat_scores, k], names, axis=1)
    return Candidates(take_rows(builder, boxes, order), best)


def _by_cell(builder: OnnxBuilder, tensor: str, shape: list[int]) -> str:
    turned = builder.node("Transpose", [tensor], perm=[0, 2, 3, 1])
    return builder.node("Reshape", [turned, builder.integers(shape, "shape")])


def _decode(builder: OnnxBuilder, deltas: str, options: ProposalOptions) -> str:
    if options.offsets:
        return arithmetic(builder, "Add", builder.constant(options.anchors, "anchors"), deltas)
    low, high = options.anchors[:, :2], options.anchors[:, 2:]
    size = high - low + 1
    shrink = 1.0 if options.centred else 0.0
    centres = np.concatenate([low + np.float32(0.5) * (size - np.float32(shrink)), size], 1)
    return decode_centres(builder, deltas, builder.constant(centres, "anchors"), size_shrink=shrink)


def _clip(builder: OnnxBuilder, boxes: str, image: str) -> str:
    height, width = columns(builder, image, 0, 1), columns(builder, image, 1, 2)
    border = arithmetic(builder, "Sub", join(builder, width, height), 1.0)
    inside = builder.node("Min", [boxes, join(builder, border, border)])
    return builder.node("Max", [inside, builder.constant(np.float32(0), "zero")])


def _demote(builder: OnnxBuilder, boxes: str, scores: str, image: str, options: ProposalOptions) -> tuple[str, str]:
    """Boxes and scores after what is too small, or beyond the image, has lost its score."""
    if options.stride is not None:
        scores = builder.node("Where", [_beyond_image(builder, image, options), _scalar(builder, -1.0), scores])
    sides = arithmetic(builder, "Sub", columns(builder, boxes, 2, 4), columns(builder, boxes, 0, 2))
    scales = join(builder, *(columns(builder, image, column, column + 1) for column in options.scale_columns))
    least = arithmetic(builder, "Mul", scales, options.min_size)  # (N, 1, 2)
    beyond = builder.node("Sub", [arithmetic(builder, "Add", sides, 1.0), least])
    short = builder.node("Less", [reduce(builder, "Min", beyond, [2]), _scalar(builder, 0.0)])
    flags = builder.node("Squeeze", [short, builder.integers([2], "axes")])
    score = LOWEST if options.small_score is None else options.small_score
    if options.stride is not None:  # MXNet grows what it demotes
        half = arithmetic(builder, "Div", least, 2.0)
        grown = join(
            builder,
            arithmetic(builder, "Sub", columns(builder, boxes, 0, 2), half),
            arithmetic(builder, "Add", columns(builder, boxes, 2, 4), half),
        )
        boxes = builder.node("Where", [short, grown, boxes])
    return boxes, builder.node("Where", [flags, _scalar(builder, score), scores])


def _beyond_image(builder: OnnxBuilder, image: str, options: ProposalOptions) -> str:
    """(N, H * W * A): whether the anchor's cell lies beyond the whole strides of the image."""
    height, width = options.cells
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    cells = np.repeat(np.stack([x, y], -1).reshape(-1, 2), len(options.anchors) // (height * width), axis=0)
    size = join(builder, columns(builder, image, 1, 2), columns(builder, image, 0, 1))
    whole = builder.node("Floor", [arithmetic(builder, "Div", size, float(options.stride or 1))])  # (N, 1, 2)
    within = builder.node("Less", [builder.constant(cells, "cells", np.float32), whole])
    outside = builder.node("Cast", [builder.node("Not", [within])], to=1)
    return builder.node("Cast", [reduce(builder, "Max", outside, [2], keepdims=False)], to=9)


def _select(builder: OnnxBuilder, found: Candidates, options: ProposalOptions) -> str:
    """(image, 0, candidate) of what survives; inclusive corners cover one pixel more than their difference."""
    beyond = arithmetic(builder, "Add", columns(builder, found.boxes, 2, 4), 1.0)
    boxes = join(builder, columns(builder, found.boxes, 0, 2), beyond)
    scores = builder.node("Unsqueeze", [found.scores, builder.integers([1], "axes")])
    limit = options.post_nms if options.post_nms > 0 else options.candidates
    return select_boxes(builder, boxes, scores, iou_threshold=options.iou_threshold, limit=limit)


def _image_numbers(builder: OnnxBuilder, rows: str) -> str:
    """(N, K, 1): the number of the image of each entry of `rows`, (N, K)."""
    shape = builder.node("Shape", [rows])
    count = builder.node("Squeeze", [columns(builder, shape, 0, 1)])
    numbers = builder.node("Range", [builder.integers(0, "start"), count, builder.integers(1, "step")])
    column = builder.node("Unsqueeze", [builder.node("Cast", [numbers], to=1), builder.integers([1, 2], "axes")])
    return builder.node("Expand", [column, builder.node("Concat", [shape, builder.integers([1], "one")], axis=0)])


def _scalar(builder: OnnxBuilder, value: float) -> str:
    return builder.constant(np.float32(value), "score")
