"""The samples on which two models differ most."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from planish.preprocessing import Preprocessing
from planish.runtime_check.data import Batch
from planish.runtime_check.images import from_pixels, to_image, to_tensor
from planish.runtime_check.worst import Answers, WorstMeter, relative_errors


def batch(tensors, size=None, labels=None):
    count = size or len(tensors)
    return Batch({"data": tensors}, labels, None, None, count, tuple(f"x[{index}]" for index in range(count)))


def test_largest_errors_are_kept_in_order():
    meter = WorstMeter(Preprocessing(input="data"), keep=3)
    a = np.ones((6, 4))
    b = a + np.array([0.1, 0.5, 0, 0.3, 0.2, 9])[:, None]
    meter.add(batch(np.zeros((6, 2)), size=5), Answers(relative_errors(a, b)))  # the sixth only fills the batch up
    assert [sample.name for sample in meter.result()] == ["x[1]", "x[3]", "x[4]"]
    assert meter.result()[0].error == pytest.approx(0.5)
    assert meter.result()[0].answers == ()


def test_different_classes_come_first():
    a = np.array([[3.0, 2.9], [9.0, 0.0]])
    b = np.array([[2.9, 3.0], [4.0, 0.0]])
    meter = WorstMeter(Preprocessing(input="data"))
    meter.add(batch(np.zeros((2, 2)), labels=np.array([0, 1])), Answers(relative_errors(a, b), [(0, 1), (0, 0)]))
    first, second = meter.result()
    assert (first.name, first.answers, first.label) == ("x[0]", (0, 1), 0)
    assert second.answers == (0, 0)
    assert second.error > first.error


def test_equal_samples_are_not_among_the_worst():
    meter = WorstMeter(Preprocessing(input="data"))
    meter.add(batch(np.zeros((2, 2))), Answers(np.zeros(2), [(0, 0), (0, 0)]))
    assert meter.result() == ()


@pytest.mark.parametrize("order", ["RGB", "BGR", "GRAY"])
def test_pictures_undo_the_preprocessing(rng, order):
    pixels = rng.integers(0, 256, (6, 10, 1 if order == "GRAY" else 3)).astype(np.uint8)
    how = Preprocessing(input="data", channel_order=order, mean=(104.0,), scale=(0.017,), resize="none")
    tensor = to_tensor(from_pixels(pixels), how)
    np.testing.assert_array_equal(np.asarray(to_image(tensor, how)).reshape(pixels.shape), pixels)
    meter = WorstMeter(how)
    meter.add(batch(tensor[None]), Answers(np.ones(1)))
    (sample,) = meter.result()
    assert Image.open(io.BytesIO(base64.b64decode(sample.thumbnail))).size == (10, 6)


def test_inputs_that_are_no_images_have_no_picture():
    meter = WorstMeter(Preprocessing(input="data"))
    meter.add(batch(np.zeros((1, 5, 6, 7))), Answers(np.ones(1)))
    assert meter.result()[0].thumbnail == ""


def test_pictures_of_the_answers_are_made_for_those_that_are_kept():
    asked = []

    def show(picture, row):
        asked.append(row)
        return tuple(Image.new("L", (4 + row, 5)) for _ in range(2))

    meter = WorstMeter(Preprocessing(input="data"), keep=1)
    meter.add(batch(np.zeros((3, 2))), Answers(np.array([0.5, 0, 0.2]), pictures=show))
    (sample,) = meter.result()
    assert asked == [0]
    assert [Image.open(io.BytesIO(base64.b64decode(picture))).size for picture in sample.pictures] == [(4, 5)] * 2
