"""Published models, on the data that they are made for."""

import csv

import numpy as np
import pytest
from PIL import Image
from planish.converter.caffe import convert_caffe
from planish.converter.mxnet import convert_mxnet
from planish.runtime_check.session import Session


@pytest.fixture
def models(shared):
    return shared / "assets/models"


@pytest.fixture
def data(shared):
    return shared / "assets/data"


def session(parts):
    return Session(parts.to_model(), optimizations="all")


@pytest.mark.parametrize(("name", "height", "width"), [("det1", 47, 60), ("det2", 24, 24), ("det3", 48, 48)])
def test_mtcnn_equals_its_caffe_twin(models, rng, name, height, width):
    """The Caffe nets take RGB images with height and width exchanged, the MXNet ones BGR."""
    folder, twin = models / "mxnet/mtcnn", models / "caffe/mtcnn"
    mxnet = convert_mxnet(
        folder / f"{name}-symbol.json", folder / f"{name}-0001.params", input_shapes={"data": (1, 3, height, width)}
    )
    caffe = convert_caffe(
        twin / f"{name}.prototxt", twin / f"{name}.caffemodel", input_shapes={"data": (1, 3, width, height)}
    )
    bgr = rng.uniform(-1, 1, (2, 3, height, width)).astype(np.float32)
    ours = list(session(mxnet).run({"data": bgr}).values())
    theirs = list(session(caffe).run({"data": bgr[:, ::-1].transpose(0, 1, 3, 2).copy()}).values())
    assert len(ours) == len(theirs)
    for found in ours:
        answers = [(a.transpose(0, 1, 3, 2) if a.ndim == 4 else a) for a in theirs]
        assert any(a.shape == found.shape and np.abs(a - found).max() < 1e-5 for a in answers)


def test_squeezenet_equals_its_caffe_twin(models, rng):
    prefix, twin = models / "mxnet_derived/squeezenet_v1.1/squeezenet_v1.1", models / "caffe/squeezenet_v1.1"
    mxnet = convert_mxnet(f"{prefix}-symbol.json", f"{prefix}-0000.params", input_shapes={"data": (1, 3, 227, 227)})
    caffe = convert_caffe(next(twin.glob("*.prototxt")), next(twin.glob("*.caffemodel")))
    x = rng.uniform(-120, 150, (1, 3, 227, 227)).astype(np.float32)
    (found,), (wanted,) = (session(parts).run({"data": x}).values() for parts in (mxnet, caffe))
    np.testing.assert_allclose(found.ravel(), wanted.ravel(), rtol=0, atol=1e-5)


def test_lenet_reads_mnist(models, data):
    prefix = models / "mxnet/lenet_mnist/lenet"
    parts = convert_mxnet(f"{prefix}-symbol.json", f"{prefix}-0100.params", input_shapes={"data": (1, 1, 28, 28)})
    with np.load(data / "mnist/eval1500.npz") as file:
        arrays = sorted((file[key] for key in file.files), key=np.ndim)
    labels, images = arrays[0], arrays[-1].reshape(-1, 1, 28, 28).astype(np.float32) / 255
    (answers,) = session(parts).run({"data": images}).values()
    assert round(float((answers.argmax(1) == labels).mean() * 100), 2) == 97.27


def test_gender_and_age_agree_with_the_stripped_network(models, data):
    prefix = models / "mxnet/gender_age/model"
    files = (f"{prefix}-symbol.json", f"{prefix}-0000.params")
    shapes = {"data": (1, 3, 112, 112)}
    image = np.asarray(Image.open(models / "mxnet/gender_age/Tom_Hanks_54745.png").convert("RGB").resize((112, 112)))
    pixels = image.transpose(2, 0, 1)[None].astype(np.float32)
    (whole,) = session(convert_mxnet(*files, input_shapes=shapes)).run({"data": pixels}).values()
    stripped = convert_mxnet(*files, input_shapes=shapes, strip_preprocessing=True)
    (again,) = session(stripped).run({"data": (pixels - 127.5) * np.float32(0.0078125)}).values()
    assert whole.shape == (1, 202)
    np.testing.assert_allclose(whole, again, rtol=1e-4, atol=1e-4)
    assert whole[0, 1] > whole[0, 0]  # the second logit is the man's


@pytest.mark.slow
def test_mobilefacenet_verifies_faces(models, data):
    """Ten folds of the 800 pairs, each judged by the threshold that is best on the other nine."""
    prefix = models / "mxnet/mobilefacenet_y1/model"
    parts = convert_mxnet(f"{prefix}-symbol.json", f"{prefix}-0000.params", input_shapes={"data": (1, 3, 112, 112)})
    run = session(parts).run
    with (data / "lfw112/pairs.csv").open() as file:
        pairs = [(row["a"], row["b"], row["same"] == "1") for row in csv.DictReader(file)]

    def embed(name):
        pixels = np.asarray(Image.open(data / "lfw112/images" / name).convert("RGB"), np.float32)
        (vector,) = run({"data": pixels.transpose(2, 0, 1)[None].copy()}).values()
        return vector[0] / np.linalg.norm(vector[0])

    vectors = {name: embed(name) for name in dict.fromkeys(name for a, b, _ in pairs for name in (a, b))}
    likeness = np.array([vectors[a] @ vectors[b] for a, b, _ in pairs])
    same = np.array([label for _, _, label in pairs])
    folds = np.arange(len(pairs)) % 10
    accuracies = []
    for fold in range(10):
        train, test = folds != fold, folds == fold
        thresholds = np.unique(likeness[train])
        best = max(thresholds, key=lambda t: ((likeness[train] > t) == same[train]).mean())
        accuracies.append(((likeness[test] > best) == same[test]).mean())
    assert np.mean(accuracies) >= 0.985
    assert abs(np.mean(accuracies) * 100 - 99.0) <= 0.5
