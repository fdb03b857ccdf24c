"""Detections in every form that detectors give them."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from planish.runtime_check.detections import DetectionOutputs, find_detections, overlaps, read_detections

ROWS = np.array([[2, 0.9, 0.1, 0.2, 0.5, 0.6], [1, 0.4, 0.3, 0.3, 0.8, 0.9]])


def read(outputs, samples=2, size=(50, 100)):
    return read_detections(outputs, find_detections(outputs), samples, size)


def test_mxnets_rows_without_their_empty_places():
    value = np.full((2, 4, 6), -1.0)
    value[0, 1:3], value[1, 0] = ROWS[::-1], ROWS[1]
    first, second = read({"det": value})
    np.testing.assert_allclose(first, ROWS)  # best first
    np.testing.assert_allclose(second, ROWS[1:])


def test_caffes_rows_of_a_whole_batch():
    value = np.column_stack([[1, 0, 1], ROWS[[0, 1, 1]]])[None, None]
    first, second = read({"other": np.zeros((2, 9)), "det": value})
    np.testing.assert_allclose(first, ROWS[1:])
    np.testing.assert_allclose(second, ROWS)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 1)])
def test_labels_scores_and_corners_in_pixels(shape):
    rows = np.stack([ROWS, ROWS[::-1]])
    outputs = {
        "boxes": rows[:, :, 2:] * (100, 50, 100, 50),
        "scores": rows[:, :, 1].reshape(shape),
        "ids": rows[:, :, 0].reshape(shape),
    }
    for found in read(outputs):
        np.testing.assert_allclose(found, ROWS)


def test_one_sample_without_a_batch_dimension():
    outputs = {"boxes": ROWS[:, 2:], "labels": ROWS[:, 0].astype(np.int64), "scores": ROWS[:, 1]}
    np.testing.assert_allclose(read(outputs, samples=1)[0], ROWS)
    nothing = {name: value[:0] for name, value in outputs.items()}
    assert read(nothing, samples=1)[0].shape == (0, 6)


def test_scores_of_every_class_are_suppressed_as_onnxruntime_does(rng):
    """Against the standard's NonMaxSuppression."""
    low = rng.uniform(0, 0.6, (1, 60, 2))
    corners = np.concatenate([low, low + rng.uniform(0.1, 0.4, (1, 60, 2))], 2).astype(np.float32)
    scores = rng.uniform(0, 1, (1, 60, 3)).astype(np.float32)
    (found,) = read({"boxes": corners, "scores": scores}, samples=1)
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", ["b", "s", "most", "iou", "least"], ["chosen"])],
        "g",
        [
            helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, 60, 4]),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, [1, 3, 60]),
        ],
        [helper.make_tensor_value_info("chosen", TensorProto.INT64, [None, 3])],
        [
            numpy_helper.from_array(np.array([100]), "most"),
            numpy_helper.from_array(np.float32([0.45]), "iou"),
            numpy_helper.from_array(np.float32([0.01]), "least"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (chosen,) = session.run(None, {"b": corners, "s": scores.transpose(0, 2, 1)})
    assert {(row[0], round(row[1], 6)) for row in found} == {
        (c, round(float(scores[0, n, c]), 6)) for _, c, n in chosen
    }
    assert 10 < len(found) < 150


def test_the_background_of_a_softmax_is_left_out():
    scores = np.array([[[0.8, 0.2], [0.1, 0.9]]])
    corners = np.array([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1.0]]])
    (found,) = read({"scores": scores, "boxes": corners}, samples=1)
    assert found[:, :2].tolist() == [[1, 0.9], [1, 0.2]]
    (both,) = read({"scores": scores * 0.5, "boxes": corners}, samples=1)
    assert sorted(both[:, 0]) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "outputs",
    [
        {"scores": np.zeros((2, 10))},
        {"image": np.zeros((2, 3, 40, 40))},
        {"offsets": np.zeros((2, 4)), "face": np.zeros((2, 2)), "points": np.zeros((2, 10))},
        {"classes": np.zeros((2, 4)), "age": np.ones((2, 1)), "height": np.ones((2, 1))},
    ],
)
def test_other_outputs_are_none(outputs):
    assert find_detections(outputs) is None


def test_overlaps():
    a = np.array([[0, 0, 2, 2], [5, 5, 6, 6.0]])
    b = np.array([[1, 1, 3, 3], [0, 0, 2, 2], [5, 5, 5, 5.0]])
    np.testing.assert_allclose(overlaps(a, b), [[1 / 7, 1, 0], [0, 0, 0]])


def test_the_layout_names_the_outputs():
    outputs = {"scores": np.zeros((1, 5, 3)), "boxes": np.zeros((1, 5, 4))}
    assert find_detections(outputs) == DetectionOutputs("scores", "boxes", "scores")
