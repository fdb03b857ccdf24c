import numpy as np
import pytest
from planish.errors import SourceError

RANDOM = np.random.default_rng(12)
ONE = "biases: 1 biases: 1 "
BIASES = [(1.2, 0.9), (3.1, 2.2), (0.7, 1.9), (2.5, 3.5)]


def net(kind, params, sides, channels, batch=1):
    inputs = "".join(
        f'input: "x{i}" input_shape {{ dim: {batch} dim: {channels} dim: {side} dim: {side} }} '
        for i, side in enumerate(sides)
    )
    bottoms = " ".join(f'bottom: "x{i}"' for i in range(len(sides)))
    return f'{inputs} layer {{ name: "l" type: "{kind}" {bottoms} top: "y" {params} }}'


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def overlap(a, b):
    """box_iou of centres and sizes."""
    sides = [
        min(a[k] + a[k + 2] / 2, b[k] + b[k + 2] / 2) - max(a[k] - a[k + 2] / 2, b[k] - b[k + 2] / 2) for k in (0, 1)
    ]
    shared = 0 if min(sides) < 0 else sides[0] * sides[1]
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def detect(candidates, limit):
    candidates.sort(key=lambda row: -row[0])
    kept = []
    for row in candidates:
        if all(overlap(row[2], other[2]) < limit for other in kept):
            kept.append(row)
    return [[0, label + 1, score, x - w / 2, y - h / 2, x + w / 2, y + h / 2] for score, label, (x, y, w, h) in kept]


def boxes(value, anchor, i, j, side, scale):
    return (
        (i + sigmoid(value[0])) / side,
        (j + sigmoid(value[1])) / side,
        np.exp(value[2]) * anchor[0] / (side * scale),
        np.exp(value[3]) * anchor[1] / (side * scale),
    )


def yolo2(feeds, classes, threshold, limit):
    found = []
    for data in feeds.values():
        for b, j, i, n in np.ndindex(len(data), *data.shape[2:], 2):
            value = data[b, n * (5 + classes) : (n + 1) * (5 + classes), j, i].astype(np.float64)
            scores = np.exp(value[5:] - value[5:].max())
            scores /= scores.sum()
            score = sigmoid(value[4]) * scores.max()
            if score >= threshold:
                found.append((score, scores.argmax(), boxes(value, BIASES[n], i, j, data.shape[3], 1)))
    return detect(found, limit)


def yolo3(feeds, classes, threshold, limit, masks, scales):
    found = []
    for data, mask, scale in zip(feeds.values(), masks, scales, strict=True):
        for b, j, i, n in np.ndindex(len(data), *data.shape[2:], 2):
            value = data[b, n * (5 + classes) : (n + 1) * (5 + classes), j, i].astype(np.float64)
            for label in range(classes):
                score = sigmoid(value[5 + label]) * sigmoid(value[4])
                if score > threshold:
                    found.append((score, label, boxes(value, BIASES[mask[n]], i, j, data.shape[3], scale)))
    return detect(found, limit)


@pytest.mark.parametrize("sides", [(5,), (5, 3)])
@pytest.mark.parametrize("batch", [1, 2])
def test_yolo2(run_net, sides, batch):
    biases = " ".join(f"biases: {a} biases: {b}" for a, b in BIASES[:2])
    params = f"num_classes: 4 num_box: 2 confidence_threshold: 0.2 nms_threshold: 0.4 {biases}"
    feeds = {f"x{i}": RANDOM.standard_normal((batch, 18, side, side), np.float32) for i, side in enumerate(sides)}
    text = net("YoloDetectionOutput", f"yolo_detection_output_param {{ {params} }}", sides, 18)
    rows = run_net(text, feeds)["y"]
    np.testing.assert_allclose(rows[0, 0], yolo2(feeds, 4, 0.2, 0.4), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2])
def test_yolo3(run_net, batch):
    biases = " ".join(f"biases: {a} biases: {b}" for a, b in BIASES)
    params = "num_classes: 3 num_box: 2 confidence_threshold: 0.3 nms_threshold: 0.4 mask_group_num: 2 "
    params += f"mask: 2 mask: 3 mask: 0 mask: 1 anchors_scale: 2 anchors_scale: 1 {biases}"
    feeds = {f"x{i}": RANDOM.standard_normal((batch, 16, side, side), np.float32) for i, side in enumerate((3, 5))}
    text = net("Yolov3DetectionOutput", f"yolov3_detection_output_param {{ {params} }}", (3, 5), 16)
    rows = run_net(text, feeds)["y"]
    expected = yolo3(feeds, 3, 0.3, 0.4, [(2, 3), (0, 1)], (2, 1))
    np.testing.assert_allclose(rows[0, 0], expected, rtol=1e-4, atol=1e-5)


def test_nothing_found_gives_one_row_per_image(run_net):
    params = "yolo_detection_output_param { num_classes: 4 num_box: 1 confidence_threshold: 1.5 biases: 1 biases: 1 }"
    rows = run_net(net("YoloDetectionOutput", params, (3,), 9), {"x0": np.zeros((2, 9, 3, 3))})["y"]
    assert rows.tolist() == [[[[0, *[-1] * 6], [1, *[-1] * 6]]]]


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("YoloDetectionOutput", "yolo_detection_output_param { num_classes: 4 num_box: 2 biases: 1 }"),
        ("YoloDetectionOutput", "yolo_detection_output_param { num_classes: 5 num_box: 1 biases: 1 biases: 1 }"),
        (
            "YoloDetectionOutput",
            "yolo_detection_output_param { num_classes: 4 num_box: 1 nms_threshold: 0 biases: 1 biases: 1 }",
        ),
        ("Yolov3DetectionOutput", "yolov3_detection_output_param { num_classes: 4 biases: 1 biases: 1 }"),
        (
            "Yolov3DetectionOutput",
            "yolov3_detection_output_param { num_classes: 4 num_box: 1 mask_group_num: 1 mask: 1 anchors_scale: 1 "
            + ONE
            + "}",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(convert_net, kind, params):
    with pytest.raises(SourceError):
        convert_net(net(kind, params, (3,), 9))
