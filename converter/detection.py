"""The last layer of a single-shot detector in Caffe's form: rows of image, label, score and corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from .boxes import columns
from .onnx_builder import OnnxBuilder
from .reduction import reduce
from .suppression import ANY_SCORE, LOWEST, fill_like, keep_top, select_boxes

_NO_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """What is kept of the candidates.

    Attributes:
        classes: number C of classes, the background among them.
        priors: number P of boxes per image.
        background: the class that is never reported; -1: none.
        iou_threshold: larger overlap with a better box of the class suppresses.
        score_threshold: scores must be greater.
        top_k: best candidates of each class that enter suppression; -1: all.
        keep_top_k: best detections of each image that are reported; -1: all.
        eta: factor that tightens `iou_threshold` after each box kept, while that is over 0.5.
    """

    classes: int
    priors: int
    background: int = 0
    iou_threshold: float = 0.3
    score_threshold: float = ANY_SCORE
    top_k: int = -1
    keep_top_k: int = -1
    eta: float = 1.0

    @property
    def most_rows(self) -> int:
        """Rows per image, at most; one where nothing is found."""
        labels = sum(label != self.background for label in range(self.classes))
        kept = labels * (min(self.top_k, self.priors) if self.top_k >= 0 else self.priors)
        return max(1, min(kept, self.keep_top_k) if self.keep_top_k >= 0 else kept)


def detection_rows(
    builder: OnnxBuilder,
    boxes: str,
    scores: str,
    options: DetectionOptions,
    *,
    boxes_per_class: bool = False,
    output: str | None = None,
) -> str:
    """Detections as Caffe's DetectionOutput writes them: (1, 1, M, 7), by image, label and falling score.

    A row holds image, label, score, xmin, ymin, xmax, ymax. Without any detection there is one row per image: its
    index, then six times -1 (SSD branch, `detection_output_layer.cpp`).

    Args:
        builder: receives the nodes.
        boxes: corners, (N, P, 4), or (N, P, C, 4) where each class has its own.
        scores: (N, C, P).
        options: what is kept.
        boxes_per_class: which of the two shapes `boxes` has.
        output: wanted name of the result.

    Raises:
        UnsupportedError: the overlap threshold is adaptive.
    """
    if options.eta < 1 and options.iou_threshold > 0.5:
        reason = f"eta {options.eta} tightens the overlap threshold box by box; NonMaxSuppression cannot; set it to 1"
        raise UnsupportedError("detection", [reason])
    labels = [label for label in range(options.classes) if label != options.background]
    kept_labels = builder.integers(labels, "labels")
    scores = builder.node("Gather", [scores, kept_labels], axis=1)
    if boxes_per_class:
        boxes = builder.node("Transpose", [builder.node("Gather", [boxes, kept_labels], axis=2)], perm=[0, 2, 1, 3])
    candidates = keep_top(builder, scores, options.top_k) if 0 <= options.top_k < options.priors else scores
    selected = _select(builder, boxes, candidates, options, len(labels) if boxes_per_class else None)
    if 0 <= options.keep_top_k < len(labels) * options.priors:
        selected = _best_of_image(builder, scores, selected, options.keep_top_k, len(labels) * options.priors)
    corners = selected if boxes_per_class else builder.node("Gather", [selected, builder.integers([0, 2])], axis=1)
    label_values = builder.constant(labels, "label_values", np.float32)
    rows = [
        builder.node("Cast", [columns(builder, selected, 0, 1)], to=1),
        builder.node("Gather", [label_values, columns(builder, selected, 1, 2)]),
        builder.node("Unsqueeze", [builder.node("GatherND", [scores, selected]), builder.integers([1], "axes")]),
        builder.node("GatherND", [boxes, corners]),
    ]
    found = builder.node("Concat", rows, axis=1)
    filled = builder.node("Concat", [found, _rows_without_detection(builder, scores, found)], axis=0)
    return builder.node("Reshape", [filled, builder.integers([1, 1, -1, 7], "shape")], output)


def class_agnostic_rows(
    builder: OnnxBuilder, boxes: str, scores: str, *, score_threshold: float, iou_threshold: float
) -> str:
    """Detections of YOLO's layers in Caffe forks: (1, 1, M, 7), by falling score, as `detection_rows` lays them out.

    Each box takes its best class; boxes of all classes and all images of the batch suppress each other, where their
    overlap reaches the threshold; the image is always 0 and labels count from 1 (MobileNet-YOLO,
    `yolov3_detection_output_layer.cpp`).

    Args:
        builder: receives the nodes.
        boxes: corners, (N, P, 4).
        scores: (N, P, C).
        score_threshold: scores must be greater.
        iou_threshold: overlap that reaches it suppresses.
    """
    every = builder.node("Reshape", [boxes, builder.integers([1, -1, 4], "shape")])
    best = reduce(builder, "Max", scores, [2], keepdims=False)
    labels = builder.node("Cast", [builder.node("ArgMax", [scores], axis=2, keepdims=0)], to=1)
    flat = [builder.node("Reshape", [part, builder.integers([1, 1, -1], "shape")]) for part in (best, labels)]
    below = float(np.nextafter(np.float32(iou_threshold), np.float32(0)))  # ONNX suppresses what exceeds it
    selected = select_boxes(
        builder, every, flat[0], iou_threshold=below, score_threshold=score_threshold, limit=_NO_LIMIT
    )
    axis = builder.integers([1], "axes")
    score, label = (builder.node("Unsqueeze", [builder.node("GatherND", [part, selected]), axis]) for part in flat)
    numbered = builder.node("Add", [label, builder.constant(np.float32(1), "one")])
    image = builder.node("Mul", [label, builder.constant(np.float32(0), "image")])
    corners = builder.node("GatherND", [every, builder.node("Gather", [selected, builder.integers([0, 2])], axis=1)])
    found = builder.node("Concat", [image, numbered, score, corners], axis=1)
    filled = builder.node("Concat", [found, _rows_without_detection(builder, scores, found)], axis=0)
    return builder.node("Reshape", [filled, builder.integers([1, 1, -1, 7], "shape")])


def _select(builder: OnnxBuilder, boxes: str, scores: str, options: DetectionOptions, classes: int | None) -> str:
    """(image, class, box) of what survives; `classes` is their number where each has its own boxes (N, C, P, 4)."""
    settings: dict[str, Any] = {
        "iou_threshold": options.iou_threshold,
        "score_threshold": options.score_threshold,
        "limit": options.priors,
    }
    if classes is None:
        return select_boxes(builder, boxes, scores, **settings)
    # Suppression knows one set of boxes per image: every class becomes an image of its own.
    flat_boxes = builder.node("Reshape", [boxes, builder.integers([-1, options.priors, 4], "shape")])
    flat_scores = builder.node("Reshape", [scores, builder.integers([-1, 1, options.priors], "shape")])
    selected = select_boxes(builder, flat_boxes, flat_scores, **settings)
    place, count = columns(builder, selected, 0, 1), builder.integers(classes, "classes")
    image, label = builder.node("Div", [place, count]), builder.node("Mod", [place, count])
    return builder.node("Concat", [image, label, columns(builder, selected, 2, 3)], axis=1)


def _best_of_image(builder: OnnxBuilder, scores: str, selected: str, count: int, places: int) -> str:
    """The `count` best of each image among `selected`, in their order; `places` is the number of scores per image."""
    values = builder.node("GatherND", [scores, selected])
    only_selected = builder.node("ScatterND", [fill_like(builder, scores, LOWEST), selected, values])
    flat = builder.node("Reshape", [only_selected, builder.integers([-1, places], "shape")])
    top = ["best_scores", "best_places"]
    best_scores, best = builder.node_with_outputs("TopK", [flat, builder.integers([count], "keep_top_k")], top, axis=-1)
    marks = builder.node(
        "ScatterElements", [fill_like(builder, flat, 0.0), best, fill_like(builder, best_scores, 1.0)], axis=-1
    )
    shaped = builder.node("Reshape", [marks, builder.node("Shape", [scores])])
    chosen = builder.node("Cast", [builder.node("GatherND", [shaped, selected])], to=9)
    return builder.node("Compress", [selected, chosen], axis=0)


def _rows_without_detection(builder: OnnxBuilder, scores: str, found: str) -> str:
    """One row per image if `found` is empty, else none."""
    zero, one = builder.integers([0], "zero"), builder.integers([1], "one")
    images = builder.node("Slice", [builder.node("Shape", [scores]), zero, one])
    count = builder.node("Slice", [builder.node("Shape", [found]), zero, one])
    wanted = builder.node("Where", [builder.node("Equal", [count, zero]), images, zero])
    indices = builder.node(
        "Range", [builder.integers(0, "start"), builder.node("Squeeze", [wanted, zero]), builder.integers(1, "step")]
    )
    column = builder.node("Unsqueeze", [builder.node("Cast", [indices], to=1), one])
    return builder.node(
        "Pad", [column, builder.integers([0, 0, 0, 6], "pads"), builder.constant(np.float32(-1), "nothing")]
    )
