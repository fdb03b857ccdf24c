import numpy as np
import pytest
from planish.converter import boxes
from planish.converter.onnx_builder import OnnxBuilder
from planish.runtime_check.session import Session

RANDOM = np.random.default_rng(11)
LOW = RANDOM.uniform(0, 0.5, (7, 2))
PRIORS = np.concatenate([LOW, LOW + RANDOM.uniform(0.1, 0.5, (7, 2))], 1).astype(np.float32)
VARIANCES = RANDOM.uniform(0.1, 0.3, (7, 4)).astype(np.float32)
DELTAS = RANDOM.normal(size=(2, 7, 4)).astype(np.float32)


def decode_slowly(delta, prior, variance, code):
    d = delta * variance
    x1, y1, x2, y2 = prior
    w, h = x2 - x1, y2 - y1
    if code == "CORNER":
        return [x1 + d[0], y1 + d[1], x2 + d[2], y2 + d[3]]
    if code == "CORNER_SIZE":
        return [x1 + d[0] * w, y1 + d[1] * h, x2 + d[2] * w, y2 + d[3] * h]
    x, y = d[0] * w + (x1 + x2) / 2, d[1] * h + (y1 + y2) / 2
    half_w, half_h = np.exp(d[2]) * w / 2, np.exp(d[3]) * h / 2
    return [x - half_w, y - half_h, x + half_w, y + half_h]


def run(emit, **feeds):
    builder = OnnxBuilder("boxes")
    for name, value in feeds.items():
        builder.input(name, ["batch", *value.shape[1:]])
    name = emit(builder)
    builder.output(name)
    return Session(builder.build().to_model()).run(feeds)[name]


@pytest.mark.parametrize("code", ["CORNER", "CENTER_SIZE", "CORNER_SIZE"])
@pytest.mark.parametrize("varied", [True, False])
@pytest.mark.parametrize("known_priors", [True, False])
def test_codes_follow_caffe(code, varied, known_priors):
    def emit(builder):
        priors = builder.constant(PRIORS, "priors") if known_priors else "priors"
        variances = builder.constant(VARIANCES, "variances") if varied else None
        return boxes.decode_boxes(builder, "deltas", priors, variances, code)

    feeds = {"deltas": DELTAS} if known_priors else {"deltas": DELTAS, "priors": PRIORS}
    expected = [
        [decode_slowly(d, p, v if varied else 1, code) for d, p, v in zip(image, PRIORS, VARIANCES, strict=True)]
        for image in DELTAS
    ]
    assert run(emit, **feeds) == pytest.approx(np.array(expected), abs=1e-5)


def test_sizes_that_count_pixels_inclusively():
    centres = np.array([[10, 12, 8, 6]], np.float32)

    def emit(builder):
        return boxes.decode_centres(builder, "deltas", builder.constant(centres, "priors"), size_shrink=1.0)

    deltas = np.array([[[0.5, -1, np.log(2), 0]]], np.float32)
    assert run(emit, deltas=deltas)[0, 0] == pytest.approx([14 - 7.5, 6 - 2.5, 14 + 7.5, 6 + 2.5], abs=1e-5)


def test_centres_and_corners_are_inverse():
    centres = run(lambda b: boxes.corners_to_centres(b, "x"), x=PRIORS)
    assert centres[:, :2] == pytest.approx((PRIORS[:, :2] + PRIORS[:, 2:]) / 2)
    assert centres[:, 2:] == pytest.approx(PRIORS[:, 2:] - PRIORS[:, :2])
    assert run(lambda b: boxes.centres_to_corners(b, "x"), x=centres) == pytest.approx(PRIORS, abs=1e-6)
