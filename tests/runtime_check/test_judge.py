"""What the figures of a task are gathered from."""

import numpy as np
import pytest
from planish.errors import DataError
from planish.preprocessing import Preprocessing
from planish.runtime_check.data import Batch, open_data
from planish.runtime_check.inputs import model_inputs
from planish.runtime_check.judge import Evaluation, Judge
from planish.runtime_check.pairs import read_pairs


@pytest.fixture
def data(classifier):
    return open_data(None, model_inputs(classifier()), Preprocessing(input="data"))


def batch(count, **known):
    given = {"labels": None, "targets": None, "boxes": None} | known
    names = tuple(f"{index}.png" for index in range(count))
    return Batch({"data": np.zeros((count, 3, 6, 10), np.float32)}, size=count, names=names, **given)


def test_classes_that_two_models_give(data, rng):
    scores = rng.normal(0, 1, (4, 7))
    other = scores.copy()
    other[2, 5] = 9
    judge = Judge(Evaluation(), [{"scores": scores}, {"scores": other}], data)
    answers = judge.add([{"scores": scores}, {"scores": other}], batch(4))
    assert [len(set(classes)) for classes in answers.classes] == [1, 1, 2, 1]
    assert answers.classes[2][1] == 5
    assert [error > 0 for error in answers.errors] == [False, False, True, False]
    assert answers.pictures is None


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_images_that_models_make_are_shown(data, channels, mode):
    white = np.ones((2, channels, 12, 16))
    outputs = [{"image": white}, {"image": 0.5 * white}]
    judge = Judge(Evaluation(), outputs, data)
    answers = judge.add(outputs, batch(2, targets=white))
    first, second = answers.pictures(None, 1)
    assert (first.mode, first.size) == (mode, (16, 12))
    assert np.asarray(first).min() == 255
    assert np.asarray(second).max() == 127
    assert [quality.name for quality in judge.qualities()][:2] == ["PSNR to the first model", "PSNR to the target"]


def test_boxes_are_drawn_where_they_are_certain(data):
    rows = np.array([[[1, 0.9, 0.25, 0.25, 0.75, 0.75], [1, 0.1, 0, 0, 1, 1]]])
    outputs = [{"det": rows}, {"det": rows[:, :0]}]
    judge = Judge(Evaluation(), outputs, data)
    answers = judge.add(outputs, batch(1))
    assert answers.errors.tolist() == [1]
    first, second = (np.asarray(picture) for picture in answers.pictures(None, 0))
    assert first[32, 64].tolist() == [255, 64, 64]
    assert first[0].max() == 0
    assert second.max() == 0


def test_pairs_make_embeddings(data, tmp_path):
    (tmp_path / "p.txt").write_text("0.png 1.png 1\n0.png 2.png 0\n")
    outputs = [{"scores": np.eye(3)}]
    judge = Judge(Evaluation(pairs=read_pairs(tmp_path / "p.txt")), outputs, data)
    assert judge.task == "embedding"
    judge.add(outputs, batch(3))
    assert [quality.name for quality in judge.qualities()] == ["verification accuracy"]


def test_a_task_that_no_output_fits(data):
    with pytest.raises(DataError, match=r"--task image: none of the outputs fits: scores \(1, 7\)"):
        Judge(Evaluation(task="image"), [{"scores": np.ones((1, 7))}], data)
    assert Judge(Evaluation(task="none"), [{"scores": np.ones((1, 7))}], data).task == "none"
