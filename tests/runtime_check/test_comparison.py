"""Two models over one dataset, against one run over everything at once."""

import numpy as np
import pytest
from planish.errors import DataError, ModelError
from planish.runtime_check.comparison import compare
from planish.runtime_check.data import open_data
from planish.runtime_check.inputs import model_inputs
from planish.runtime_check.session import Session


@pytest.fixture
def labelled(tmp_path, rng):
    x = rng.standard_normal((23, 3, 6, 10)).astype(np.float32)
    y = rng.integers(0, 7, 23)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    return tmp_path / "d.npz", x, y


def scale_head(tensors):
    tensors["f"] *= np.linspace(0.8, 1.3, 7, dtype=np.float32)[:, None]


@pytest.mark.parametrize("batch", ["batch", 4])
def test_figures_do_not_depend_on_the_batches(classifier, labelled, batch):
    path, x, y = labelled
    sessions = [Session(classifier(batch=batch)), Session(classifier(batch=batch, change=scale_head))]
    given = compare(sessions, [open_data(path, model_inputs(classifier(batch=batch)))], 5)
    a, b = (Session(m).run({"data": x})["scores"] for m in (classifier(), classifier(change=scale_head)))
    assert given.samples == 23
    assert (given.task, given.output) == ("classification", "scores")
    assert given.fidelity[0].max_abs == pytest.approx(np.abs(a - b).max(), rel=1e-5)
    assert given.fidelity[0].elements == a.size  # what fills the last batch up does not count
    for accuracy, scores in zip(given.accuracies, (a, b), strict=True):
        assert accuracy.top1 == pytest.approx(100 * (scores.argmax(1) == y).mean())
    assert given.agreement.top1 == pytest.approx(100 * (a.argmax(1) == b.argmax(1)).mean())
    assert given.agreement.kl > 0


def test_one_model(classifier, labelled):
    given = compare([Session(classifier())], [open_data(labelled[0], model_inputs(classifier()))])
    assert given.fidelity == ()
    assert given.agreement is None
    assert given.accuracies[0] is not None


def test_nan_output_names_model_and_sample(classifier, labelled):
    def spoil(tensors):
        tensors["g"][3] = np.nan

    sessions = [Session(classifier()), Session(classifier(change=spoil), name="bad.onnx")]
    with pytest.raises(ModelError, match=r"bad\.onnx: output 'scores' is NaN or infinite for x\[0\]"):
        compare(sessions, [open_data(labelled[0], model_inputs(classifier()))])


def test_different_outputs_are_told(classifier, labelled):
    renamed = classifier()
    renamed.graph.output[0].name = renamed.graph.node[-1].output[0] = "other"
    with pytest.raises(ModelError, match=r"has the outputs scores, but .* has other"):
        compare([Session(classifier()), Session(renamed)], [open_data(labelled[0], model_inputs(classifier()))])


def test_labels_out_of_range(classifier, labelled, tmp_path):
    np.savez(tmp_path / "bad.npz", x=labelled[1], y=np.full(23, 7))
    with pytest.raises(DataError, match="label 7 of sample 0 is out of range"):
        compare([Session(classifier())], [open_data(tmp_path / "bad.npz", model_inputs(classifier()))])
