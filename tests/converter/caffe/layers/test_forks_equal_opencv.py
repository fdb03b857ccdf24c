"""Fork layers that OpenCV's Caffe reader knows too: an oracle that shares no line with this project."""

import cv2
import numpy as np
import pytest
from planish.converter.caffe import convert_caffe
from planish.runtime_check.session import Session

RANDOM = np.random.default_rng(14)
ROIS = np.array([[0, 2, 3, 20, 30], [0, 2.5, 0, 34, 40], [0, 5, 5, 5, 5], [0, 30, 20, 50, 39]], np.float32)


def declare(name, shape):
    return f'input: "{name}" input_shape {{ {" ".join(f"dim: {size}" for size in shape)} }} '


def both(write_net, text, feeds, blobs=None):
    """The answers of the converted model and of OpenCV, which names a layer's answer after the layer."""
    paths = write_net(text, blobs or {"none": [np.ones(1)]})
    feeds = {name: np.asarray(value, np.float32) for name, value in feeds.items()}
    ours = Session(convert_caffe(*paths).to_model()).run(feeds)["y"]
    net = cv2.dnn.readNetFromCaffe(*map(str, paths))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    for name, value in feeds.items():
        net.setInput(value, name)
    return ours, net.forward("l")


@pytest.mark.parametrize(
    ("kind", "params", "blobs"),
    [
        ("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", None),
        ("Normalize", "norm_param { across_spatial: false channel_shared: false }", [RANDOM.standard_normal(12)]),
        ("Normalize", "norm_param { across_spatial: true channel_shared: true }", [RANDOM.standard_normal(1)]),
        ("ShuffleChannel", "shuffle_channel_param { group: 3 }", None),
        ("Reorg", "reorg_param { stride: 2 }", None),
        ("ReLU6", "", None),
        ("Interp", "interp_param { zoom_factor: 3 }", None),
        ("Interp", "interp_param { height: 7 width: 23 }", None),
        (
            "ConvolutionDepthwise",
            "convolution_param { num_output: 12 kernel_size: 3 pad: 1 }",
            [RANDOM.standard_normal((12, 1, 3, 3)), RANDOM.standard_normal(12)],
        ),
    ],
)
def test_layers_of_one_bottom(write_net, kind, params, blobs):
    text = declare("x", (1, 12, 10, 14)) + f'layer {{ name: "l" type: "{kind}" bottom: "x" top: "y" {params} }}'
    feeds = {"x": RANDOM.standard_normal((1, 12, 10, 14))}
    ours, theirs = both(write_net, text, feeds, blobs and {"l": blobs})
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("ROIPooling", "roi_pooling_param { pooled_h: 3 pooled_w: 4 spatial_scale: 0.25 }"),
        ("PSROIPooling", "psroi_pooling_param { output_dim: 3 group_size: 2 spatial_scale: 0.25 }"),
    ],
)
def test_pooling_of_regions(write_net, kind, params):
    text = declare("x", (1, 12, 10, 14)) + declare("r", (4, 5))
    text += f'layer {{ name: "l" type: "{kind}" bottom: "x" bottom: "r" top: "y" {params} }}'
    ours, theirs = both(write_net, text, {"x": RANDOM.standard_normal((1, 12, 10, 14)), "r": ROIS})
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def ordered(rows):
    """Rows with a score, by label and score: OpenCV orders and pads them in its own way."""
    rows = rows.reshape(-1, 7)
    rows = rows[rows[:, 2] > 0]
    return rows[np.lexsort((rows[:, 2], rows[:, 1]))]


@pytest.mark.parametrize(
    ("params", "own"),
    [
        ("code_type: CENTER_SIZE share_location: true background_label_id: 0", 1),
        ("code_type: CORNER share_location: true background_label_id: 0", 1),
        ("code_type: CENTER_SIZE share_location: false background_label_id: 0", 4),
        ("code_type: CENTER_SIZE share_location: true background_label_id: 3", 1),
    ],
)
@pytest.mark.parametrize("limits", ["top_k: 30 } keep_top_k: 15", "top_k: 100 } keep_top_k: 200"])
def test_detections(write_net, params, own, limits):
    prior = "min_size: 10 max_size: 20 aspect_ratio: 2 flip: true clip: false "  # OpenCV clips by default
    prior += "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"
    shapes = {"i": (1, 3, 60, 72), "f": (1, 4, 5, 6), "loc": (1, 480 * own), "conf": (1, 480)}
    text = "".join(declare(name, shape) for name, shape in shapes.items())
    text += f'layer {{ name: "p" type: "PriorBox" bottom: "f" bottom: "i" top: "p" prior_box_param {{ {prior} }} }} '
    text += (
        'layer { name: "l" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "p" top: "y" '
        f"detection_output_param {{ num_classes: 4 {params} confidence_threshold: 0.3 "
        f"nms_param {{ nms_threshold: 0.45 {limits} }} }}"
    )
    feeds = {name: np.zeros(shape) for name, shape in shapes.items()}
    feeds.update(loc=RANDOM.standard_normal(shapes["loc"]), conf=RANDOM.uniform(0, 1, shapes["conf"]))
    ours, theirs = both(write_net, text, feeds)
    np.testing.assert_allclose(ordered(ours), ordered(theirs), rtol=1e-4, atol=1e-5)
