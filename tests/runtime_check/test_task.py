"""What a model is for."""

import numpy as np
import pytest
from planish.errors import DataError
from planish.runtime_check.check import check
from planish.runtime_check.task import find_output, guess_task, peak_of


@pytest.mark.parametrize(
    ("outputs", "wanted"),
    [
        ({"logits": np.array([[3.0, -1, 2]])}, ("classification", "logits")),
        ({"prob": np.array([[0.0, 1.0, 0.0]])}, ("classification", "prob")),
        ({"feature": np.array([[0.6, -0.8], [-1.0, 0.0]])}, ("embedding", "feature")),
        ({"image": np.ones((1, 3, 16, 20))}, ("image", "image")),
        ({"boxes": np.ones((1, 100, 4))}, ("none", "boxes")),
        ({"aux": np.ones((1, 5)), "prob": np.ones((1, 7, 1, 1))}, ("classification", "prob")),
    ],
)
def test_guesses(outputs, wanted):
    assert guess_task(outputs) == wanted


def test_outputs_for_a_task():
    outputs = {"prob": np.ones((1, 5)), "map": np.ones((1, 1, 8, 8))}
    assert find_output("image", outputs) == "map"
    assert find_output("embedding", outputs) == "prob"
    assert find_output("image", {"prob": np.ones((1, 5))}) is None


def test_peaks():
    assert peak_of(np.array([0.0, 1.2])) == 1
    assert peak_of(np.array([0.0, 200.0])) == 255


def test_the_task_decides_on_the_figures(classifier):
    embedding = check(classifier(), classifier(), task="embedding", latency_seconds=0)
    assert embedding.agreement is None
    assert [quality.name for quality in embedding.qualities] == [
        "cosine to the first model, mean",
        "cosine to the first model, lowest",
    ]
    assert not embedding.task_guessed
    nothing = check(classifier(), classifier(), task="none", latency_seconds=0)
    assert (nothing.agreement, nothing.qualities) == (None, ())
    with pytest.raises(DataError, match=r"--task image: none of the outputs fits: scores \(8, 7\)"):
        check(classifier(), task="image", latency_seconds=0)


def test_far_more_identities_than_scores_are_no_classes(classifier, tmp_path, rng):
    x = rng.standard_normal((40, 3, 6, 10)).astype(np.float32)
    np.savez(tmp_path / "people.npz", x=x, y=np.arange(40) // 2)
    result = check(classifier(), data=tmp_path / "people.npz", latency_seconds=0)
    assert (result.task, result.qualities[0].name) == ("embedding", "verification accuracy")
    np.savez(tmp_path / "wrong.npz", x=x, y=[*np.arange(39) % 7, 9])
    with pytest.raises(DataError, match="label 9 of sample 39 is out of range"):
        check(classifier(), data=tmp_path / "wrong.npz", latency_seconds=0)
