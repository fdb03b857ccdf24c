"""Published networks of ../shared/assets: each with calibration data, evaluation and the figure it is judged by.

Calibration and evaluation share no image. Where the assets have no images of their own for calibration, others serve:
faces cut from FDDB for the network that is judged on LFW, photographs for the one that finds faces.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from faces import annotated_pictures, average_precision
from numpy.typing import NDArray
from PIL import Image
from planish import convert, read_parts
from planish.files import ModelParts
from planish.preprocessing import Preprocessing
from planish.runtime_check.data import open_data
from planish.runtime_check.embedding import verify
from planish.runtime_check.inputs import model_inputs
from planish.runtime_check.session import Feeds, Session

ASSETS = Path(__file__).parents[2] / "shared" / "assets"
MODELS, DATA = ASSETS / "models", ASSETS / "data"
CAFFE_MEAN = (104.0, 117.0, 123.0)
CIFAR_MEAN, CIFAR_SCALE = np.array([0.485, 0.456, 0.406]) * 255, 1 / (np.array([0.229, 0.224, 0.225]) * 255)

SIDE = 96
"""Of the squares of pixels that VDSR is calibrated on."""

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Net:
    """A network and what it is judged by.

    Attributes:
        model: reads or converts it.
        calibration: its calibration batches, inputs by name.
        score: the figure, higher is better.
        unit: of the figure.
        allowed: how much of it int8 may lose.
        shapes: of the calibration inputs, where the model leaves sizes open.
    """

    model: Callable[[], ModelParts]
    calibration: Callable[[ModelParts], list[Feeds]]
    score: Callable[[ModelParts, Session], float]
    unit: str
    allowed: float
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)


def _images(list_file: str, preprocessing: Preprocessing, parts: ModelParts, limit: int | None = None) -> list[Feeds]:
    data = open_data(DATA / "imagenet" / list_file, model_inputs(parts), preprocessing, limit=limit)
    return [dict(batch.inputs) for batch in data.batches(10)]


def _imagenet(
    model: Callable[[], ModelParts], preprocessing: Preprocessing, allowed: float, *, background: int = 0
) -> Net:
    def score(parts: ModelParts, session: Session) -> float:
        data = open_data(DATA / "imagenet" / "eval.csv", model_inputs(parts), preprocessing)
        hits = []
        for batch in data.batches(10):
            (answers,) = session.run(batch.inputs).values()
            hits.extend(answers.reshape(len(answers), -1).argmax(axis=1) - background == batch.labels)
        return 100 * float(np.mean(hits))

    return Net(model, lambda parts: _images("calib.csv", preprocessing, parts), score, "% top-1", allowed)


def _cifar(name: str) -> F32:
    pixels = np.load(DATA / "cifar10" / name)["x"]
    return ((pixels - CIFAR_MEAN) * CIFAR_SCALE).transpose(0, 3, 1, 2).astype(np.float32)


def _cifar_score(_: ModelParts, session: Session) -> float:
    images, labels = _cifar("eval2000.npz"), np.load(DATA / "cifar10" / "eval2000.npz")["y"]
    answers = np.concatenate([session.run({"input": part})["logits"] for part in _split(images, 50)])
    return 100 * float((answers.argmax(axis=1) == labels).mean())


def _split(images: F32, size: int) -> Iterator[F32]:
    return (images[begin : begin + size] for begin in range(0, len(images), size))


def _luma(path: Path) -> F32:
    """ITU-R BT.601 luma in 0..1 as MATLAB's rgb2ycbcr gives it, with even sides."""
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float64)
    luma = (pixels @ np.array([65.481, 128.553, 24.966]) / 255 + 16) / 255
    return luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2].astype(np.float32)


def _blurred(luma: F32) -> F32:
    """Halved and doubled again, bicubic."""
    height, width = luma.shape
    small = Image.fromarray(luma).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def _vdsr() -> ModelParts:
    """VDSR for images of any size."""
    folder = MODELS / "caffe" / "vdsr"
    parts = convert(
        folder / "VDSR_net_deploy.prototxt", folder / "VDSR_Adam.caffemodel", input_shapes={"data": (1, 1, SIDE, SIDE)}
    )
    for value in (*parts.model.graph.input, *parts.model.graph.output):
        for dimension in value.type.tensor_type.shape.dim[2:]:
            dimension.dim_param = "side"
    parts.model.graph.ClearField("value_info")
    return parts


def _vdsr_calibration(_: ModelParts) -> list[Feeds]:
    """Squares from the middle of photographs, blurred."""
    files = sorted((DATA / "imagenet" / "calib").iterdir())[::5]
    crops = [_luma(path)[60 : 60 + SIDE, 60 : 60 + SIDE] for path in files]
    return [{"data": _blurred(crop)[None, None]} for crop in crops]


def _vdsr_score(_: ModelParts, session: Session) -> float:
    values = []
    for path in sorted((DATA / "set5").glob("*.bmp")):
        truth = _luma(path)
        (restored,) = session.run({"data": _blurred(truth)[None, None]}).values()
        values.append(-10 * np.log10(np.square(restored[0, 0] - truth)[2:-2, 2:-2].mean()))
    return float(np.mean(values))


def _face_input(picture: Image.Image) -> Feeds:
    pixels = np.asarray(picture.convert("RGB").resize((320, 240)), np.float32)
    return {"input": ((pixels - 127) / 128).transpose(2, 0, 1)[None]}


def _face_calibration(_: ModelParts) -> list[Feeds]:
    return [_face_input(Image.open(path)) for path in sorted((DATA / "imagenet" / "calib").iterdir())[::2]]


def _face_score(_: ModelParts, session: Session) -> float:
    answers = []
    for picture, truth in annotated_pictures(DATA / "fddb"):
        answer = session.run(_face_input(picture))
        corners = answer["boxes"][0] * np.tile(picture.size, 2)
        answers.append((answer["scores"][0, :, 1], corners, truth))
    return average_precision(answers)


def _mobilefacenet() -> ModelParts:
    prefix = MODELS / "mxnet" / "mobilefacenet_y1" / "model"
    return convert(f"{prefix}-symbol.json", f"{prefix}-0000.params", input_shapes={"data": (1, 3, 112, 112)})


def _pixels(images: Sequence[Image.Image]) -> list[Feeds]:
    arrays = (np.asarray(image.convert("RGB").resize((112, 112)), np.float32) for image in images)
    return [{"data": array.transpose(2, 0, 1)[None].copy()} for array in arrays]


def _faces(_: ModelParts) -> list[Feeds]:
    """Faces of FDDB, cut out by their ellipses' boxes."""
    crops = []
    for picture, boxes in annotated_pictures(DATA / "fddb"):
        for left, top, right, bottom in boxes:
            middle, half = (top + bottom) / 2 + 0.1 * (bottom - top), (bottom - top) * 0.42
            centre = (left + right) / 2
            crops.append(picture.crop((centre - half, middle - half, centre + half, middle + half)))
    return _pixels(crops[:240])


def _verification(_: ModelParts, session: Session) -> float:
    with (DATA / "lfw112" / "pairs.csv").open() as file:
        pairs = list(csv.DictReader(file))
    vectors = {}
    for name in dict.fromkeys(row[side] for row in pairs for side in "ab"):
        (feeds,) = _pixels([Image.open(DATA / "lfw112" / "images" / name)])
        (vector,) = session.run(feeds).values()
        vectors[name] = vector[0] / np.linalg.norm(vector[0])
    cosines = np.array([vectors[row["a"]] @ vectors[row["b"]] for row in pairs])
    return 100 * float(verify(cosines, np.array([row["same"] == "1" for row in pairs])).mean())


def _caffe(folder: str, weights: str) -> Callable[[], ModelParts]:
    return lambda: convert(MODELS / "caffe" / folder / "deploy.prototxt", MODELS / "caffe" / folder / weights)


def _onnx(path: str) -> Callable[[], ModelParts]:
    return lambda: read_parts(MODELS / "onnx" / path)


def _bgr(side: int) -> Preprocessing:
    return Preprocessing("data", (side, side), "BGR", CAFFE_MEAN, resize="warp", resize_to=256)


NETS = {
    "resnet56": Net(
        _onnx("cifar_resnet/resnet56_cifar10.onnx"),
        lambda _: [{"input": part} for part in _split(_cifar("calib1000.npz"), 10)],
        _cifar_score, "% top-1", 0.3,
    ),
    "mobilenet": _imagenet(
        _onnx("mobilenet_v1_0.25_128/mobilenet_v1_0.25_128_quant_dequant.onnx"),
        Preprocessing("input", (128, 128), "RGB", (127.5,), (1 / 127.5,), resize="short", resize_to=146),
        1.0, background=1,
    ),
    "squeezenet": _imagenet(_caffe("squeezenet_v1.1", "squeezenet_v1.1.caffemodel"), _bgr(227), 0.5),
    "vdsr": Net(_vdsr, _vdsr_calibration, _vdsr_score, "dB", 0.3, {"data": (1, 1, SIDE, SIDE)}),
    "ultralight": Net(
        _onnx("ultralight_face/version-RFB-320.onnx"), _face_calibration, _face_score, "face AP", 0.005
    ),
    "mobilefacenet": Net(_mobilefacenet, _faces, _verification, "% LFW", 0.2),
    "googlenet": _imagenet(_caffe("bvlc_googlenet", "bvlc_googlenet.caffemodel"), _bgr(224), 0.3),
}  # fmt: skip
"""By name, cheapest first."""
