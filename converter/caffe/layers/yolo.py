"""The last layers of YOLO nets in Caffe forks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...boxes import arithmetic, columns
from ...detection import class_agnostic_rows
from ..call import Blob, LayerCall
from ..registry import layer

_UP = np.float32(np.inf)


@dataclass(frozen=True, slots=True)
class _Grid:
    """One bottom: its anchors (width, height) in cells times `scale`, and how many cells it has."""

    blob: Blob
    anchors: tuple[tuple[float, float], ...]
    scale: float


@layer(
    "YoloDetectionOutput",
    params="yolo_detection_output_param",
    options=(
        "side",
        "num_classes",
        "num_box",
        "coords",
        "confidence_threshold",
        "nms_threshold",
        "biases",
        "label_map_file",
    ),
    source="MobileNet-YOLO yolo_detection_output_layer.cpp",
)
def yolo_detection_output(call: LayerCall) -> Blob:
    """YOLOv2: softmax over classes; all boxes suppress each other; rows (0, label + 1, score, corners)."""
    biases = _anchors(call, call.params.integer("num_box", 5))
    if call.params.integer("coords", 4) != 4:
        raise call.error("coords must be 4")
    grids = [_Grid(bottom, biases, 1.0) for bottom in call.bottoms]
    return _detections(call, grids, activation="Softmax")


@layer(
    "Yolov3DetectionOutput",
    params="yolov3_detection_output_param",
    options=(
        *("num_classes", "num_box", "confidence_threshold", "nms_threshold", "biases", "anchors_scale"),
        *("mask_group_num", "mask"),
    ),
    source="MobileNet-YOLO yolov3_detection_output_layer.cpp",
)
def yolov3_detection_output(call: LayerCall) -> Blob:
    """YOLOv3: a sigmoid per class; all boxes suppress each other; rows (0, label + 1, score, corners)."""
    groups, mask = call.params.integer("mask_group_num", 2), call.params.integers("mask")
    scales, boxes = call.params.numbers("anchors_scale"), call.params.integer("num_box", 3)
    known = len(call.params.numbers("biases")) // 2
    if groups < 1 or groups != len(call.bottoms) or len(scales) < groups or len(mask) < groups * boxes:
        raise call.error(f"{len(call.bottoms)} bottoms, mask_group_num {groups}, mask {mask} and {scales} do not fit")
    if any(not 0 <= index < known for index in mask):
        raise call.error(f"mask {mask} names biases that are not there: there are {known} pairs")
    biases, step = _anchors(call, known), len(mask) // groups
    grids = [
        _Grid(bottom, tuple(biases[index] for index in mask[i * step : i * step + boxes]), scales[i])
        for i, bottom in enumerate(call.bottoms)
    ]
    return _detections(call, grids, activation="Sigmoid")


def _anchors(call: LayerCall, count: int) -> tuple[tuple[float, float], ...]:
    values = call.params.numbers("biases")
    if count < 1 or len(values) < 2 * count:
        raise call.error(f"{len(values)} biases are not the width and height of {count} anchors")
    return tuple((values[2 * i], values[2 * i + 1]) for i in range(count))


def _detections(call: LayerCall, grids: Sequence[_Grid], *, activation: str) -> Blob:
    """Boxes above the confidence threshold, best first, that overlap with no better one, whatever their classes."""
    classes = call.params.integer("num_classes", 20)
    threshold, limit = call.params.number("confidence_threshold", 0.01), call.params.number("nms_threshold", 0.45)
    if classes < 1 or not 0 < limit <= 1:
        raise call.error(f"num_classes {classes} must be above 0, and nms_threshold {limit} above 0 and at most 1")
    parts = [_decode(call, grid, classes, activation) for grid in grids]
    boxes, scores = (call.node("Concat", [part[i] for part in parts], axis=1) for i in (0, 1))
    if activation == "Softmax":  # a score that reaches the threshold counts; NonMaxSuppression asks for more than it
        threshold = float(np.nextafter(np.float32(threshold), -_UP))
    most = sum(_count(grid) for grid in grids)
    rows = class_agnostic_rows(call.builder, boxes, scores, score_threshold=threshold, iou_threshold=limit)
    return call.top(rows, (1, 1, max(most, 1) * call.bottom().shape[0], 7), batch=2, symbol="detections")


def _count(grid: _Grid) -> int:
    return len(grid.anchors) * grid.blob.shape[2] * grid.blob.shape[3]


def _decode(call: LayerCall, grid: _Grid, classes: int, activation: str) -> tuple[str, str]:
    """Corners (N, boxes, 4) and class scores (N, boxes, classes)."""
    x, side = grid.blob, grid.blob.shape[-1]
    if x.rank != 4 or x.shape[2] != side or x.shape[1] != len(grid.anchors) * (5 + classes):
        raise call.error(f"a bottom of shape {x.shape} does not hold {len(grid.anchors)} boxes of {classes} classes")
    split = call.reshape(x, (x.shape[0], len(grid.anchors), 5 + classes, side, side), batch=x.batch)
    turned = call.node("Transpose", [split], perm=[0, 3, 4, 1, 2])
    rows = call.reshape(turned, (x.shape[0], _count(grid), 5 + classes), batch=x.batch)
    builder = call.builder
    y, x_, _ = (index.reshape(-1) for index in np.indices((side, side, len(grid.anchors))))
    sizes = np.tile(np.array(grid.anchors, np.float64) / (side * grid.scale), (side * side, 1))
    corners = np.stack([x_, y], -1) / side
    # The centre is (cell + sigmoid) / side: an offset in units of 1 / side, and a size in units of the anchor.
    offset = arithmetic(builder, "Mul", call.node("Sigmoid", [columns(builder, rows, 0, 2)]), 1.0 / side)
    centre = arithmetic(builder, "Add", offset, call.constant(corners))
    size = call.node("Mul", [call.node("Exp", [columns(builder, rows, 2, 4)]), call.constant(sizes)])
    half = arithmetic(builder, "Div", size, 2.0)
    boxes = call.node("Concat", [call.node("Sub", [centre, half]), call.node("Add", [centre, half])], axis=2)
    raw = columns(builder, rows, 5, 5 + classes)
    by_class = call.node("Softmax", [raw], axis=2) if activation == "Softmax" else call.node("Sigmoid", [raw])
    return boxes, call.node("Mul", [by_class, call.node("Sigmoid", [columns(builder, rows, 4, 5)])])
