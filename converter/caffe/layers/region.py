"""Region, a name for the last layers of two YOLOv2 forks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ...boxes import arithmetic, columns
from ..call import Blob, LayerCall
from ..message import Message
from ..registry import layer


@layer(
    "Region",
    params="region_param",
    options=("classes", "coords", "num", "do_softmax", "softmax"),
    source="region_layer.cpp of clCaffe (region_param, one top) and of caffe-yolov2 (region_loss_param, two tops)",
)
def region(call: LayerCall) -> list[Blob]:
    """Sigmoid of centres and objectness, softmax of classes; or, with two tops, boxes and class scores."""
    loss = call.layer.message.message("region_loss_param")
    if loss.fields and len(call.layer.tops) == 2:
        return _boxes_and_scores(call, loss)
    if call.params.has("num") and not loss.fields:
        return [_activated(call)]
    raise call.unsupported(
        "Region is a different layer in every fork; describe it by region_param { classes coords num } (one top), by "
        "region_loss_param and two tops, or cut the net before it with --output"
    )


def _activated(call: LayerCall) -> Blob:
    """clCaffe's: the bottom's layout with its raw widths and heights, everything else made a probability."""
    x, params = call.bottom(), call.params
    count, coords, classes = params.integer("num", 1), params.integer("coords", 4), params.integer("classes", 20)
    _check(call, x, count, coords, classes)
    split = call.reshape(x, (x.shape[0], count, coords + 1 + classes, *x.shape[2:]))
    bounds = [0, 2, coords, coords + 1, coords + 1 + classes]
    parts = [
        call.node("Slice", [split, *(call.integers([value]) for value in (start, end, 2))])
        for start, end in pairwise(bounds)
    ]
    softmax = params.boolean("do_softmax", default=True) and params.boolean("softmax", default=True)
    made = [
        call.node("Sigmoid", [parts[0]]),
        parts[1],
        call.node("Sigmoid", [parts[2]]),
        call.node("Softmax", [parts[3]], axis=2) if softmax else call.node("Sigmoid", [parts[3]]),
    ]
    return call.like(call.reshape(call.node("Concat", made, axis=2), x.shape))


def _boxes_and_scores(call: LayerCall, params: Message) -> list[Blob]:
    """caffe-yolov2's: centres and sizes (num, side, side, 4), scores above thresh (num, side, side, classes + 1)."""
    x, side, count = call.bottom(), params.integer("side", 13), params.integer("num", 5)
    classes = params.integer("num_classes", params.integer("num_class", 20))
    biases = params.numbers("biases")
    _check(call, x, count, params.integer("coords", 4), classes)
    if params.integer("coords", 4) != 4 or x.shape[2:] != (side, side) or len(biases) < 2 * count or x.shape[0] != 1:
        raise call.error(f"coords must be 4, side {side} that of {x.shape}, one image, and biases two per box")
    call.fix_batch("it reads the first image only")
    split = call.reshape(x, (count, 5 + classes, side, side))
    rows = call.node("Transpose", [split], perm=[0, 2, 3, 1])
    builder = call.builder
    y, x_ = np.indices((side, side))
    cells = np.stack([x_, y], -1)[None]
    anchors = np.reshape(biases[: 2 * count], (count, 1, 1, 2)) / side
    placed = call.node("Add", [call.node("Sigmoid", [columns(builder, rows, 0, 2)]), call.constant(cells)])
    size = call.node("Mul", [call.node("Exp", [columns(builder, rows, 2, 4)]), call.constant(anchors)])
    boxes = call.node("Concat", [arithmetic(builder, "Div", placed, float(side)), size], axis=3)
    raw = columns(builder, rows, 5, 5 + classes)
    by_class = call.node("Softmax", [raw], axis=3) if params.integer("softmax", 1) else raw
    scores = call.node("Mul", [by_class, call.node("Sigmoid", [columns(builder, rows, 4, 5)])])
    floor = call.node("Max", [call.reduce("ReduceMax", scores, [3]), call.constant(0.0)])
    every = call.node("Concat", [scores, floor], axis=3)
    limit = call.constant(params.number("threshold", params.number("thresh", 0.2)))
    kept = call.node("Where", [call.node("Greater", [every, limit]), every, call.constant(0.0)])
    shape = (count, side, side)
    return [call.top(boxes, (*shape, 4), batch=None), call.top(kept, (*shape, classes + 1), batch=None)]


def _check(call: LayerCall, x: Blob, count: int, coords: int, classes: int) -> None:
    if x.rank != 4 or min(count, classes) < 1 or coords < 2 or x.shape[1] != count * (coords + 1 + classes):
        raise call.error(f"a bottom of shape {x.shape} does not hold {count} boxes of {coords} + 1 + {classes} values")
