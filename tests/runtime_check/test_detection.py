"""Figures of detectors, and the whole check of one on real faces."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from planish.errors import DataError
from planish.preprocessing import Preprocessing
from planish.runtime_check.check import check
from planish.runtime_check.data import open_data
from planish.runtime_check.detection import DetectionMeter, disagreement
from planish.runtime_check.inputs import model_inputs

ASSETS = Path(__file__).parents[2] / "../shared/assets"
FACES = ASSETS / "models/onnx/ultralight_face/version-RFB-320.onnx"
faces = pytest.mark.skipif(not FACES.is_file(), reason="../shared/assets is not there")


@pytest.fixture
def scenes(rng):
    """Sixty images with three objects each."""
    low = rng.uniform(0, 0.6, (60, 3, 2))
    corners = np.concatenate([low, low + rng.uniform(0.2, 0.4, (60, 3, 2))], axis=2)
    return [np.column_stack([rng.integers(0, 2, 3), one]) for one in corners]


def detections(wanted, scores):
    return [np.insert(one, 1, scores, axis=1) for one in wanted]


def test_a_model_that_misses_objects_loses(scenes):
    good = detections(scenes, [0.9, 0.8, 0.7])
    bad = [one[:2] for one in good]
    meter = DetectionMeter(2)
    for part in (slice(25), slice(25, 60)):
        meter.add([good[part], bad[part]], scenes[part])
    figures = {quality.name: quality.values for quality in meter.qualities()}
    assert figures["mAP at IoU 0.5"] == (100.0, pytest.approx(66.7, abs=6))
    assert figures["mAP against the first model's detections"] == (pytest.approx(figures["mAP at IoU 0.5"][1]),)
    (difference,) = meter.differences()
    assert difference.samples == 60
    assert difference.low < difference.value < difference.high < -20
    assert difference.verdict.startswith("loses")


def test_equal_models_lose_nothing(scenes):
    meter = DetectionMeter(2)
    found = detections(scenes, [0.9, 0.6, 0.3])
    meter.add([found, found], scenes)
    assert meter.differences()[0].verdict == "no measurable loss: not one of 60 samples differs"


def test_without_boxes_the_models_are_compared_with_each_other(scenes):
    meter = DetectionMeter(2)
    found = detections(scenes, [0.9, 0.6, 0.3])
    meter.add([found, found], None)
    assert [quality.values for quality in meter.qualities()] == [(100.0,)]
    assert meter.differences() == ()


def test_disagreement_is_one_less_f1(scenes):
    (found, *_) = detections(scenes, [0.9, 0.8, 0.4])
    assert disagreement(found, found) == 0
    assert disagreement(found, found[:1]) == pytest.approx(1 / 3)
    assert disagreement(found, found[:0]) == 1
    assert disagreement(found[2:], found[:0]) == 0  # nobody is certain of anything


@pytest.fixture
def labelled_faces(tmp_path):
    """The first 24 pictures of FDDB and boxes around its ellipses."""
    lines = iter((ASSETS / "data/fddb/ellipseList.txt").read_text().split("\n"))
    files, rows = [], ["file,class,x1,y1,x2,y2"]
    for name in lines:
        if name and len(files) < 24:
            files.append(str((ASSETS / "data/fddb/images" / f"{name}.jpg").resolve()))
            for _ in range(int(next(lines))):
                major, minor, angle, x, y = map(float, next(lines).split()[:5])
                width = np.hypot(major * np.cos(angle), minor * np.sin(angle))
                height = np.hypot(major * np.sin(angle), minor * np.cos(angle))
                rows.append(f"{name}.jpg,1,{x - width},{y - height},{x + width},{y + height}")
    (tmp_path / "faces.txt").write_text("\n".join(files))
    (tmp_path / "faces.csv").write_text("\n".join(rows))
    return {"data": tmp_path / "faces.txt", "labels": tmp_path / "faces.csv"}


@faces
def test_faces_are_found_and_a_coarser_model_finds_fewer(labelled_faces, tmp_path):
    coarse = onnx.load(FACES)
    for tensor in coarse.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 4:
            step = np.abs(values).max() / 4
            tensor.CopyFrom(numpy_helper.from_array((np.rint(values / step) * step).astype(np.float32), tensor.name))
    onnx.save(coarse, tmp_path / "coarse.onnx")
    result = check(
        FACES,
        tmp_path / "coarse.onnx",
        **labelled_faces,
        preprocessing=Preprocessing(mean=(127.0,), scale=(1 / 128,)),
        least_overlap=0.4,
        suppression_overlap=0.3,
        latency_seconds=0,
        layer_samples=0,
    )
    assert (result.task, result.output) == ("detection", "boxes")
    quality = result.qualities[0]
    assert quality.name == "mAP at IoU 0.4"
    assert quality.values[0] > 88
    assert quality.values[1] < quality.values[0] - 10
    assert result.differences[0].verdict.startswith("loses")
    assert len(result.worst[0].pictures) == 2


def test_boxes_follow_the_images_to_the_input(classifier, pictures, tmp_path):
    """A 9x14 image, its shorter side resized to 18, of which the centre of 12x20 is kept."""
    folder, _ = pictures
    (tmp_path / "b.csv").write_text("file,class,x1,y1,x2,y2\n3.png,2,4,3,7,6\n3.png,1,0,0,14,9\n")
    how = Preprocessing(size=(12, 20), resize="short", resize_to=18)
    data = open_data(folder, model_inputs(classifier(size=(12, 20))), how, labels=tmp_path / "b.csv")
    (batch,) = data.batches(8)
    assert [len(boxes) for boxes in batch.boxes] == [0, 0, 0, 2, 0, 0, 0, 0]
    np.testing.assert_allclose(batch.boxes[3], [[2, 4 / 20, 3 / 12, 10 / 20, 9 / 12], [1, 0, 0, 1, 1]])
    assert data.labels is None


def test_boxes_of_arrays_are_those_of_their_rows(classifier, tmp_path, rng):
    np.savez(tmp_path / "d.npz", x=rng.integers(0, 256, (2, 12, 20, 3)).astype(np.uint8))
    (tmp_path / "b.csv").write_text("file,class,x1,y1,x2,y2\nx[1],2,5,3,10,6\n")
    data = open_data(tmp_path / "d.npz", model_inputs(classifier()), labels=tmp_path / "b.csv")
    (batch,) = data.batches(8)
    np.testing.assert_allclose(batch.boxes[1], [[2, 5 / 20, 3 / 12, 10 / 20, 6 / 12]])
    np.savez(tmp_path / "f.npz", x=rng.normal(0, 1, (2, 3, 6, 10)).astype(np.float32))
    (batch,) = open_data(tmp_path / "f.npz", model_inputs(classifier()), labels=tmp_path / "b.csv").batches(8)
    np.testing.assert_allclose(batch.boxes[1], [[2, 5 / 10, 3 / 6, 10 / 10, 6 / 6]])


def test_boxes_of_other_images_are_refused(classifier, pictures, tmp_path):
    (tmp_path / "b.csv").write_text("file,class,x1,y1,x2,y2\nother.png,2,4,3,7,6\n")
    with pytest.raises(
        DataError, match=r"b\.csv: names none of the 8 images of images, the first of which is .*0\.png"
    ):
        open_data(pictures[0], model_inputs(classifier()), labels=tmp_path / "b.csv")


def selecting(least):
    """Takes rows of class, score and corners for its input, and gives those with a score above `least`."""
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,8,6] rows) => (float[1,k,6] found)
    <int64[1] one = {{1}}, int64[1] two = {{2}}, float least = {{{least}}}> {{
        scores = Slice(rows, one, two, two)  over = Greater(scores, least)
        flat = Flatten(over)  mask = Squeeze(flat)  found = Compress<axis = 1>(rows, mask)
    }}"""
    return onnx.parser.parse_model(text)


def test_detectors_may_find_a_different_number_each(tmp_path, rng):
    rows = np.concatenate([np.ones((12, 8, 1)), rng.uniform(0.5, 1, (12, 8, 1)), np.zeros((12, 8, 4))], axis=2)
    rows[:, :, 2:4] = np.linspace(0, 0.9, 8)[None, :, None]
    rows[:, :, 4:] = rows[:, :, 2:4] + 0.1
    np.savez(tmp_path / "rows.npz", rows=rows.astype(np.float32))
    result = check(selecting(0.5), selecting(0.75), data=tmp_path / "rows.npz", latency_seconds=0)
    assert result.task == "detection"
    assert result.fidelity == ()
    (quality,) = result.qualities
    assert quality.values[0] == pytest.approx(100 * (rows[:, :, 1] > 0.75).mean(), abs=1)
    (tmp_path / "b.csv").write_text("file,class,x1,y1,x2,y2\nrows[0],1,0,0,1,1\n")
    with pytest.raises(DataError, match="boxes lie on images, but the model has no input"):
        check(selecting(0.5), data=tmp_path / "rows.npz", labels=tmp_path / "b.csv")
