import numpy as np
import pytest
from planish.converter.detection import DetectionOptions, detection_rows
from planish.converter.onnx_builder import OnnxBuilder
from planish.errors import UnsupportedError
from planish.runtime_check.session import Session


def area(box):
    return 0.0 if box[2] < box[0] or box[3] < box[1] else (box[2] - box[0]) * (box[3] - box[1])


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (area(a) + area(b) - width * height)


def detect_slowly(boxes, scores, options: DetectionOptions):
    """boxes (N, C, P, 4), scores (N, C, P), as Caffe's loops do it."""
    rows = []
    for image, (image_boxes, image_scores) in enumerate(zip(boxes, scores, strict=True)):
        kept = []
        for label in range(options.classes):
            if label == options.background:
                continue
            order = list(np.argsort(-image_scores[label], kind="stable"))
            order = [i for i in order if image_scores[label, i] > options.score_threshold]
            chosen = []
            for i in order[: options.top_k if options.top_k >= 0 else None]:
                others = [overlap(image_boxes[label, i], image_boxes[label, j]) for j in chosen]
                if all(other <= options.iou_threshold for other in others):
                    chosen.append(i)
            kept += [(image, label, image_scores[label, i], *image_boxes[label, i]) for i in chosen]
        if options.keep_top_k >= 0:
            best = sorted(kept, key=lambda row: -row[2])[: options.keep_top_k]
            kept = [row for row in kept if row in best]
        rows += kept
    if not rows:
        rows = [(image, *[-1] * 6) for image in range(len(scores))]
    return np.array(rows, np.float32)[None, None]


def sample(images, classes, priors, seed):
    random = np.random.default_rng(seed)
    low = random.uniform(0, 0.7, (images, classes, priors, 2))
    size = random.uniform(-0.02, 0.4, (images, classes, priors, 2))
    scores = random.uniform(0, 1, (images, classes, priors)).astype(np.float32)
    return np.concatenate([low, low + size], -1).astype(np.float32), scores


def run(boxes, scores, options, *, per_class):
    builder = OnnxBuilder("detection")
    shape = ["batch", options.priors, options.classes, 4] if per_class else ["batch", options.priors, 4]
    builder.input("boxes", shape)
    builder.input("scores", ["batch", options.classes, options.priors])
    builder.output(detection_rows(builder, "boxes", "scores", options, boxes_per_class=per_class, output="rows"))
    session = Session(builder.build().to_model())
    fed = boxes.transpose(0, 2, 1, 3) if per_class else boxes[:, 0]
    return session.run({"boxes": fed, "scores": scores})["rows"]


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"background": -1},
        {"background": 3},
        {"top_k": 5},
        {"keep_top_k": 7},
        {"keep_top_k": 3, "top_k": 4, "background": 2},
        {"score_threshold": 0.6},
        {"iou_threshold": 0.0},
        {"iou_threshold": 1.0},
        {"top_k": 500, "keep_top_k": 500},
        {"eta": 0.5},
    ],
    ids=str,
)
def test_rows_equal_caffes_loops(images, per_class, kept):
    options = DetectionOptions(classes=4, priors=23, **{"iou_threshold": 0.3, **kept})
    boxes, scores = sample(images, 4, 23, seed=len(str(kept)))
    if not per_class:
        boxes = np.broadcast_to(boxes[:, :1], boxes.shape)
    expected = detect_slowly(boxes, scores, options)
    result = run(boxes, scores, options, per_class=per_class)
    assert result.shape == expected.shape
    assert result == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("kept", [{"score_threshold": 2.0}, {"keep_top_k": 0}, {"top_k": 0}], ids=str)
def test_nothing_found_gives_one_row_per_image(images, per_class, kept):
    options = DetectionOptions(classes=4, priors=23, **kept)
    boxes, scores = sample(images, 4, 23, seed=3)
    result = run(boxes, scores, options, per_class=per_class)
    assert result.tolist() == [[[[image, *[-1] * 6] for image in range(images)]]]


def test_equal_scores_stay_in_order():
    options = DetectionOptions(classes=2, priors=6, iou_threshold=0.5, top_k=3)
    boxes, _ = sample(1, 1, 6, seed=4)
    boxes = np.broadcast_to(boxes, (1, 2, 6, 4))
    scores = np.full((1, 2, 6), 0.5, np.float32)
    expected = detect_slowly(boxes, scores, options)
    assert run(boxes, scores, options, per_class=False) == pytest.approx(expected)


def test_adaptive_threshold_is_refused():
    with pytest.raises(UnsupportedError, match=r"eta 0\.9"):
        detection_rows(OnnxBuilder("detection"), "b", "s", DetectionOptions(4, 23, iou_threshold=0.6, eta=0.9))
