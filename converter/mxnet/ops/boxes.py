"""Boxes of detectors: priors, decoding, overlap and suppression."""

from __future__ import annotations

import numpy as np

from ...box_nms import BoxNmsOptions
from ...box_nms import box_nms as suppress_rows
from ...boxes import (
    arithmetic,
    centres_to_corners,
    columns,
    corners_to_centres,
    decode_boxes,
    decode_centres,
)
from ...multibox import MultiBoxOptions, multibox_detections
from ...priors import multibox_priors
from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import Shape, check_static, count

_FORMATS = ("corner", "center")


@operator("_contrib_MultiBoxPrior", source="src/operator/contrib/multibox_prior.cc")
def multibox_prior(call: OperatorCall) -> Value:
    """Anchors of every cell of the feature map; a constant."""
    options, cells = call.options, call.data.shape[2:]
    check_static(cells, "the cells follow the batch")
    steps, offsets = options.numbers("steps", (-1.0, -1.0)), options.numbers("offsets", (0.5, 0.5))
    sizes, ratios = options.numbers("sizes", (1.0,)), options.numbers("ratios", (1.0,))
    if (
        len(cells) != 2
        or len(steps) != 2
        or len(offsets) != 2
        or min(sizes, default=-1) < 0
        or min(ratios, default=0) <= 0
    ):
        raise call.error(f"sizes {sizes}, ratios {ratios}, steps {steps} and offsets {offsets} do not fit")
    anchors = multibox_priors(
        (cells[0], cells[1]),
        sizes,
        ratios,
        steps=(steps[0], steps[1]),
        offsets=(offsets[0], offsets[1]),
        clip=options.boolean("clip", default=False),
    )
    return call.value(call.constant(anchors[None]), (1, *anchors.shape))


@operator("_contrib_MultiBoxDetection", source="src/operator/contrib/multibox_detection.cc")
def multibox_detection(call: OperatorCall) -> Value:
    """Decoded boxes (label, score, corners) by falling score, label -1 where there is none or it is suppressed."""
    options, probabilities = call.options, call.data
    variances = options.numbers("variances", (0.1, 0.1, 0.2, 0.2))
    if probabilities.rank != 3 or call.input(1).rank != 2 or call.input(2).rank != 3 or len(variances) != 4:
        shapes = [value.shape for value in call.values()]
        raise call.error(f"needs probabilities, deltas and anchors of 3, 2 and 3 axes and 4 variances, not {shapes}")
    anchors, classes = probabilities.shape[2], probabilities.shape[1]
    if options.integer("background_id", 0):
        raise call.unsupported("background_id is not 0, which MXNet's CPU code does not read either")
    deltas = call.reshape(call.input(1), (probabilities.shape[0], anchors, 4))
    boxes = decode_boxes(call.builder, deltas, call.input(2).tensor, call.constant(variances), "CENTER_SIZE")
    if options.boolean("clip", default=True):
        boxes = call.emit("Clip", [boxes, call.scalar(0), call.scalar(1)])
    kept = MultiBoxOptions(
        classes,
        anchors,
        score_threshold=options.number("threshold", 0.01),
        iou_threshold=options.number("nms_threshold", 0.5),
        force_suppress=options.boolean("force_suppress", default=False),
        top_k=options.integer("nms_topk", -1),
    )
    made = multibox_detections(call.builder, probabilities.tensor, boxes, kept)
    return call.value(made, (probabilities.shape[0], anchors, 6))


@operator("_contrib_box_nms", source="src/operator/contrib/bounding_box-inl.h", outputs=("output0", "output1"))
def box_nms(call: OperatorCall) -> Value:
    """The rows that survive suppression, best first, then rows of -1."""
    x, options = call.data, call.options
    if x.rank < 2:
        raise call.error(f"needs data of at least 2 axes, not of shape {x.shape}")
    kept = BoxNmsOptions(
        candidates=x.shape[-2],
        width=x.shape[-1],
        iou_threshold=options.number("overlap_thresh", 0.5),
        score_threshold=options.number("valid_thresh", 0.0),
        top_k=options.integer("topk", -1),
        first_coordinate=options.integer("coord_start", 2),
        score_column=options.integer("score_index", 1),
        label_column=options.integer("id_index", -1),
        background=options.integer("background_id", -1),
        force_suppress=options.boolean("force_suppress", default=False),
        centres_in=options.text("in_format", _FORMATS, "corner") == "center",
        centres_out=options.text("out_format", _FORMATS, "corner") == "center",
    )
    check_static(x.shape[-2:], "the candidates follow the batch")
    if not 0 <= kept.first_coordinate <= kept.width - 4 or not 0 <= kept.score_column < kept.width:
        raise call.error(f"coord_start and score_index do not fit rows of {kept.width} elements")
    if kept.considered == 0:
        return x
    images = call.reshape(x, (count(x.shape[:-2]), *x.shape[-2:])) if x.rank != 3 else x.tensor
    made = suppress_rows(call.builder, images, kept)
    return call.like(made if x.rank == 3 else call.reshape(made, x.shape))


@operator("_contrib_box_decode", source="src/operator/contrib/bounding_box-inl.h")
def box_decode(call: OperatorCall) -> Value:
    """Corners of the boxes that regressed deltas describe relative to anchors."""
    x, anchors, options = call.data, call.input(1), call.options
    deviations = call.constant([options.number(f"std{index}", 1.0) for index in range(4)])
    limit = options.number("clip", -1.0)
    deltas = call.emit("Mul", [x, deviations])
    if limit > 0:
        bounds = call.constant([np.finfo(np.float32).max] * 2 + [limit] * 2)
        deltas = call.emit("Min", [deltas, bounds])
    priors = anchors.tensor
    if options.text("format", _FORMATS, "center") == "corner":
        priors = corners_to_centres(call.builder, priors)
    return call.like(decode_centres(call.builder, deltas, priors))


@operator("_contrib_box_iou", source="src/operator/contrib/bounding_box-inl.h")
def box_iou(call: OperatorCall) -> Value:
    """Intersection over union of every box of the first input with every box of the second."""
    left, right = call.input(0), call.input(1)
    centres = call.options.text("format", _FORMATS, "corner") == "center"
    shape: Shape = (*left.shape[:-1], *right.shape[:-1])
    sides = [call.reshape(left, (count(left.shape[:-1]), 1, 4)), call.reshape(right, (1, count(right.shape[:-1]), 4))]
    if centres:
        sides = [centres_to_corners(call.builder, side) for side in sides]
    low = call.emit("Max", [columns(call.builder, side, 0, 2) for side in sides])
    high = call.emit("Min", [columns(call.builder, side, 2, 4) for side in sides])
    shared = _area(call, low, high)
    first, second = (_area(call, *(columns(call.builder, side, at, at + 2) for at in (0, 2))) for side in sides)
    union = call.emit("Sub", [call.emit("Add", [first, second]), shared])
    ratio = call.emit("Div", [shared, union])
    positive = call.emit("Where", [call.emit("Greater", [shared, call.scalar(0)]), ratio, call.scalar(0)])
    return call.value(call.reshape(positive, shape), shape)


def _area(call: OperatorCall, low: Tensor, high: Tensor) -> str:
    """The area between two corners, 0 where they are exchanged."""
    sides = call.emit("Max", [call.emit("Sub", [high, low]), call.scalar(0)])
    wide, tall = columns(call.builder, sides, 0, 1), columns(call.builder, sides, 1, 2)
    return arithmetic(call.builder, "Mul", wide, tall)


@operator("_contrib_box_encode", "_contrib_bipartite_matching", source="src/operator/contrib/bounding_box-inl.h")
def training_targets(call: OperatorCall) -> Value:
    """Refused: makes targets for training."""
    raise call.unsupported("makes targets for training; cut the network before it with --output")
