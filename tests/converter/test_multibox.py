import numpy as np
import pytest
from planish.converter.multibox import MultiBoxOptions, multibox_detections
from planish.converter.onnx_builder import OnnxBuilder
from planish.runtime_check.session import Session


def area(box):
    width, height = box[2] - box[0], box[3] - box[1]
    return 0.0 if width < 0 or height < 0 else width * height


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    total = area(a) + area(b) - shared
    return shared / total if total > 0 else 0.0


def multibox_slowly(probabilities, boxes, options: MultiBoxOptions):
    result = np.full((len(boxes), options.anchors, 6), -1, np.float32)
    for out, scores, corners in zip(result, probabilities, boxes, strict=True):
        best = scores[1:].max(0)
        rows = [
            [scores[1:, i].argmax(), best[i], *corners[i]]
            for i in range(options.anchors)
            if best[i] >= np.float32(options.score_threshold)
        ]
        if rows:
            out[: len(rows)] = rows
        if not rows or not 0 < options.iou_threshold <= 1:
            continue
        kept = len(rows) if options.top_k <= 0 else min(len(rows), options.top_k)
        order = np.argsort(-np.array(rows)[:, 1], kind="stable")
        out[kept : len(rows), 0] = -1
        out[:kept] = np.array(rows)[order[:kept]]
        for i in range(kept):
            for j in range(i + 1, kept):
                rivals = options.force_suppress or out[i, 0] == out[j, 0]
                alive = out[i, 0] >= 0 and out[j, 0] >= 0
                if rivals and alive and overlap(out[i, 2:], out[j, 2:]) >= options.iou_threshold:
                    out[j, 0] = -1
    return result


def sample_boxes(random, images, count):
    low = random.uniform(0, 0.6, (images, count, 2))
    return np.concatenate([low, low + random.uniform(0.05, 0.5, (images, count, 2))], -1).astype(np.float32)


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"force_suppress": True},
        {"score_threshold": 0.85},
        {"score_threshold": 1.5},
        {"iou_threshold": 0.2},
        {"iou_threshold": 1.0},
        {"iou_threshold": 0.0},
        {"top_k": 6},
        {"top_k": 6, "force_suppress": True, "score_threshold": 0.8},
    ],
    ids=str,
)
def test_multibox_equals_mxnets_loops(images, kept):
    random = np.random.default_rng(len(str(kept)))
    options = MultiBoxOptions(classes=4, anchors=17, **kept)
    boxes = sample_boxes(random, images, 17)
    scores = random.uniform(0, 1, (images, 4, 17)).astype(np.float32)
    builder = OnnxBuilder("multibox")
    builder.input("p", ["batch", 4, 17])
    builder.input("b", ["batch", 17, 4])
    builder.output(multibox_detections(builder, "p", "b", options, "y"))
    result = Session(builder.build().to_model()).run({"p": scores, "b": boxes})["y"]
    assert result == pytest.approx(multibox_slowly(scores, boxes, options), abs=1e-6)
