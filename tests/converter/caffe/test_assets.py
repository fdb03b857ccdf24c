"""Published Caffe models, converted: equal to OpenCV's reader or their twins, and as accurate as published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from planish.converter.caffe import convert_caffe
from planish.runtime_check.session import Session

ASSETS = Path(__file__).parents[3] / "../shared/assets"
MODELS, DATA = ASSETS / "models/caffe", ASSETS / "data"
pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason="the published models (../shared/assets) are not here")

NETS = {
    "googlenet": ("bvlc_googlenet/deploy.prototxt", "bvlc_googlenet/bvlc_googlenet.caffemodel", {}),
    "squeezenet": ("squeezenet_v1.1/deploy.prototxt", "squeezenet_v1.1/squeezenet_v1.1.caffemodel", {}),
    "lenet": ("lenet_mnist/lenet.prototxt", "lenet_mnist/lenet_iter_10000.caffemodel", {}),
    "cifar10_quick": ("cifar10_quick/cifar10_quick.prototxt", "cifar10_quick/cifar10_quick_iter_5000.caffemodel", {}),
    "cifar10_full": ("cifar10_full/cifar10_full.prototxt", "cifar10_full/cifar10_full_iter_70000.caffemodel", {}),
    "det1": ("mtcnn/det1.prototxt", "mtcnn/det1.caffemodel", {"data": (1, 3, 40, 52)}),
    "det2": ("mtcnn/det2.prototxt", "mtcnn/det2.caffemodel", {}),
    "det3": ("mtcnn/det3.prototxt", "mtcnn/det3.caffemodel", {}),
    "face": ("ultralight_face_RFB-320/RFB-320.prototxt", "ultralight_face_RFB-320/RFB-320.caffemodel", {}),
    "vdsr": ("vdsr/VDSR_net_deploy.prototxt", "vdsr/VDSR_Adam.caffemodel", {"data": (1, 1, 40, 52)}),
    "vgg7": ("waifu2x_photo_vgg7/deploy_noloss.prototxt", "waifu2x_photo_vgg7/scale2.0x.caffemodel", {}),
    "upconv7": ("waifu2x_upconv7/deploy_noloss.prototxt", "waifu2x_upconv7/scale2.0x.caffemodel", {}),
}


def converted(name, **options):
    prototxt, caffemodel, shapes = NETS[name]
    return convert_caffe(MODELS / prototxt, MODELS / caffemodel, **{"input_shapes": shapes, **options})


@pytest.mark.parametrize("name", NETS)
def test_equal_to_opencvs_reader(name):
    cv2 = pytest.importorskip("cv2")
    prototxt, caffemodel, shapes = NETS[name]
    session = Session(converted(name).to_model())
    (feed,) = session.input_names
    shape = shapes.get(feed, (1, *session.input_shapes[feed][1:]))
    x = np.random.default_rng(0).random(shape, np.float32)
    answers = session.run({feed: x})
    net = cv2.dnn.readNetFromCaffe(str(MODELS / prototxt), str(MODELS / caffemodel))
    net.setInput(x, feed)
    names = net.getUnconnectedOutLayersNames()
    theirs = [np.asarray(output) for output in net.forward(names)]
    assert len(theirs) == len(answers)
    for found in answers.values():
        candidates = [output for output in theirs if output.size == found.size]
        differences = [np.abs(output.ravel() - found.ravel()).max() / np.abs(output).max() for output in candidates]
        assert min(differences) <= 1e-4


def test_training_layers_left_in_a_deploy_file_change_nothing():
    x = np.random.default_rng(0).random((1, 3, 142, 142), np.float32)
    prototxt, caffemodel, _ = NETS["vgg7"]
    answers = [
        list(Session(convert_caffe(MODELS / path, MODELS / caffemodel).to_model()).run({"input": x}).values())
        for path in (prototxt, prototxt.replace("deploy_noloss", "deploy"))
    ]
    np.testing.assert_array_equal(*answers[0], *answers[1])


def test_the_face_detector_equals_its_onnx_twin():
    path = ASSETS / "models/onnx/ultralight_face/version-RFB-320_without_postprocessing.onnx"
    twin = onnx.load(path)
    x = np.random.default_rng(0).standard_normal((1, 3, 240, 320)).astype(np.float32)
    ours, theirs = Session(converted("face").to_model()).run({"input": x}), Session(twin).run({"input": x})
    for name in ("boxes", "scores"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=5e-5 * np.abs(theirs[name]).max())


@pytest.mark.slow
def test_faces_are_found_as_well_as_published():
    """Average precision at an overlap of 0.4 on 144 pictures: 0.872 at least, the figure of the assets' README.

    How that figure resizes, suppresses and bounds the ellipses is not said, and moves it by two points.
    """
    session = Session(converted("face").to_model())
    found, faces = [], 0
    for picture, truth in annotated_pictures():
        pixels = np.asarray(picture.resize((320, 240)), np.float32)
        answer = session.run({"input": ((pixels - 127) / 128).transpose(2, 0, 1)[None]})
        scores, boxes = answer["scores"][0, :, 1], decoded(answer["boxes"][0]) * np.tile(picture.size, 2)
        found += matched(*suppressed(scores, boxes), truth)
        faces += len(truth)
    assert average_precision(found, faces) >= 0.872


def annotated_pictures():
    """(RGB picture, bounding boxes of its face ellipses) of FDDB."""
    from PIL import Image

    lines = iter((DATA / "fddb/ellipseList.txt").read_text().split("\n"))
    for name in lines:
        if not name.strip():
            continue
        boxes = []
        for _ in range(int(next(lines))):
            major, minor, angle, x, y = map(float, next(lines).split()[:5])
            width = np.hypot(major * np.cos(angle), minor * np.sin(angle))
            height = np.hypot(major * np.sin(angle), minor * np.cos(angle))
            boxes.append((x - width, y - height, x + width, y + height))
        path = next((DATA / "fddb/images" / name).parent.glob(f"{Path(name).name}.*"))
        yield Image.open(path).convert("RGB"), np.array(boxes)


def decoded(offsets):
    """Corner boxes in 0..1 from offsets to the priors of RFB-320."""
    priors = []
    for stride, sizes in ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256))):
        rows, columns = -(-240 // stride), -(-320 // stride)
        priors += [
            ((column + 0.5) * stride / 320, (row + 0.5) * stride / 240, size / 320, size / 240)
            for row in range(rows)
            for column in range(columns)
            for size in sizes
        ]
    priors = np.clip(priors, 0, 1)
    centre = priors[:, :2] + offsets[:, :2] * 0.1 * priors[:, 2:]
    half = priors[:, 2:] * np.exp(offsets[:, 2:] * 0.2) / 2
    return np.concatenate([centre - half, centre + half], 1)


def overlap(box, boxes):
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), 1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], 1)
    return common / (np.prod(box[2:] - box[:2]) + areas - common)


def suppressed(scores, boxes):
    """Non-maximum suppression at an overlap of 0.3."""
    chosen = np.flatnonzero(scores > 0.01)
    order, kept = chosen[np.argsort(-scores[chosen])], []
    while len(order):
        kept.append(order[0])
        order = order[1:][overlap(boxes[order[0]], boxes[order[1:]]) <= 0.3]
    return scores[kept], boxes[kept]


def matched(scores, boxes, truth):
    """(score, whether it is a face not found before) of each detection."""
    free, rows = np.ones(len(truth), bool), []
    for score, box in zip(scores, boxes, strict=True):
        overlaps = np.where(free, overlap(box, truth), 0)
        hit = bool(len(truth)) and overlaps.max() >= 0.4
        if hit:
            free[overlaps.argmax()] = False
        rows.append((score, hit))
    return rows


def average_precision(rows, faces):
    hits = np.array([hit for _, hit in sorted(rows, key=lambda row: -row[0])])
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return (envelope * hits).sum() / faces


def luma(pixels):
    """ITU-R BT.601 luma of RGB in 0..255, in 0..1, as MATLAB's rgb2ycbcr gives it."""
    return (pixels @ np.array([65.481, 128.553, 24.966]) / 255 + 16) / 255


def psnr(a, b, border):
    error = (a - b)[border:-border, border:-border]
    return -10 * np.log10((error**2).mean())


@pytest.mark.slow
def test_vdsr_restores_set5_as_published():
    """37.55 dB at factor 2 by the assets' README; bicubic gives 33.68."""
    from PIL import Image

    values = []
    for path in sorted((DATA / "set5").glob("*.bmp")):
        truth = luma(np.asarray(Image.open(path).convert("RGB"), np.float64))
        truth = truth[: truth.shape[0] // 2 * 2, : truth.shape[1] // 2 * 2]
        small = Image.fromarray(truth.astype(np.float32)).resize(
            (truth.shape[1] // 2, truth.shape[0] // 2), Image.BICUBIC
        )
        blurred = np.asarray(small.resize(truth.shape[::-1], Image.BICUBIC), np.float32)
        session = Session(converted("vdsr", input_shapes={"data": (1, 1, *truth.shape)}, check=False).to_model())
        (restored,) = session.run({"data": blurred[None, None]}).values()
        values.append(psnr(restored[0, 0], truth, 2))
    assert np.mean(values) == pytest.approx(37.55, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "published"), [("vgg7", 36.93), ("upconv7", 36.65)])
def test_waifu2x_enlarges_set5_as_published(name, published):
    from PIL import Image

    values = []
    for path in sorted((DATA / "set5").glob("*.bmp")):
        picture = Image.open(path).convert("RGB")
        picture = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
        small = np.asarray(picture.resize((picture.width // 2, picture.height // 2), Image.BICUBIC), np.float32) / 255
        if name == "vgg7":
            small = small.repeat(2, 0).repeat(2, 1)
        padded = np.pad(small, ((7, 7), (7, 7), (0, 0)), "edge").transpose(2, 0, 1)[None]
        session = Session(converted(name, input_shapes={"input": padded.shape}, check=False).to_model())
        (enlarged,) = session.run({"input": padded}).values()
        truth = luma(np.asarray(picture, np.float64))
        margin = (enlarged.shape[2] - truth.shape[0]) // 2  # of upconv7's output, which reaches over the picture
        inner = enlarged[0, :, margin : margin + truth.shape[0], margin : margin + truth.shape[1]]
        values.append(psnr(luma(inner.clip(0, 1).transpose(1, 2, 0) * 255.0), truth, 2))
    assert np.mean(values) == pytest.approx(published, abs=0.15)
