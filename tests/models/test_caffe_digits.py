"""The packaged network is a true Caffe model and as accurate as it is said to be."""

import cv2
import numpy as np
import pytest
from planish.converter.caffe import convert_caffe
from planish.models import data_file, find_network, weights_file
from planish.models.catalogue import FOLDER
from planish.runtime_check.session import Session

NETWORK = find_network("caffe_digits")
PROTOTXT = FOLDER / "caffe_digits.prototxt"


@pytest.fixture(scope="module")
def evaluation():
    with np.load(data_file(NETWORK, "evaluation")) as data:
        return data["x"].transpose(0, 3, 1, 2).astype(np.float32) / 255, data["y"]


@pytest.fixture(scope="module")
def answers(evaluation):
    model = convert_caffe(PROTOTXT, weights_file(NETWORK.weights)).to_model()
    return Session(model).run({"data": evaluation[0]})["prob"]


def test_it_is_small_and_accurate_on_images_held_out(evaluation, answers):
    assert (PROTOTXT.stat().st_size + NETWORK.weights.bytes) < 1_000_000
    assert len(evaluation[1]) >= 500
    assert (answers.argmax(1) == evaluation[1]).mean() >= 0.98


def test_opencv_reads_the_same_network(evaluation, answers):
    net = cv2.dnn.readNetFromCaffe(str(PROTOTXT), str(weights_file(NETWORK.weights)))
    net.setInput(evaluation[0][:20])
    np.testing.assert_allclose(net.forward("prob"), answers[:20], atol=1e-5)


def test_calibration_and_evaluation_share_no_image():
    sets = {}
    for purpose in ("calibration", "evaluation"):
        with np.load(data_file(NETWORK, purpose)) as data:
            assert data["x"].shape[1:] == (32, 32, 1)
            assert set(data["y"]) == set(range(10))
            sets[purpose] = {image.tobytes() for image in data["x"]}
    assert not sets["calibration"] & sets["evaluation"]
