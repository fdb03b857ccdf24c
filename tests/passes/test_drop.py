"""What a rewrite lost: accuracy, agreement or error, against NumPy on the same outputs."""

import numpy as np
import pytest
import scipy.special
from planish.errors import DataError
from planish.files import as_parts
from planish.passes.calibration import Labelled
from planish.passes.drop import AGREEMENT, RELATIVE_ERROR, TOP1, Judge
from planish.passes.graph import to_graph

CLASSIFIER = "g (float[n,6] x) => (float[n,5] y) { y = Gemm <transB=1> (x, w) }"
IMAGES = "g (float[n,3,8,7] x) => (float[n,4,8,7] y) { y = Conv (x, w) }"


@pytest.fixture
def graphs(make_model, rng):
    """A network and a copy with other weights."""

    def made(text, shape):
        weights = rng.standard_normal(shape).astype(np.float32)
        noise = weights + rng.standard_normal(shape).astype(np.float32) / 2
        return [to_graph(as_parts(make_model(text, w=w))) for w in (weights, noise)], (weights, noise)

    return made


def test_labels_that_are_right_give_accuracy(graphs, rng):
    (original, changed), (w, v) = graphs(CLASSIFIER, (5, 6))
    x = rng.standard_normal((40, 6)).astype(np.float32)
    labels = (x @ w.T).argmax(axis=1).astype(np.int64)
    labels[::4] = (labels[::4] + 1) % 5
    batches = [Labelled({"x": x[i : i + 8]}, labels[i : i + 8], 8) for i in range(0, 40, 8)]
    drop = Judge(original, batches)(changed)
    after = 100 * np.mean((x @ v.T).argmax(axis=1) == labels)
    assert (drop.figure, drop.before, drop.samples) == (TOP1, 75.0, 40)
    assert drop.after == pytest.approx(after) and after < 75
    assert drop.points == pytest.approx(max(75 - after, drop.expected))
    assert "top-1 accuracy 75.00 ->" in str(drop)


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_luck_is_no_gain(graphs, rng, output):
    softmax = CLASSIFIER.replace("y = Gemm", "z = Gemm").replace("(x, w) }", "(x, w) y = Softmax (z) }")
    text = CLASSIFIER if output == "logits" else softmax
    (original, changed), (w, v) = graphs(text, (5, 6))
    x = rng.standard_normal((40, 6)).astype(np.float32)
    before, after = (x @ w.T).argmax(axis=1), (x @ v.T).argmax(axis=1)
    lucky = after.astype(np.int64)  # the labels are what the changed network happens to say
    drop = Judge(original, [Labelled({"x": x}, lucky, 40)])(changed)
    assert drop.before < drop.after == 100
    likely = scipy.special.softmax(x @ w.T, axis=1)
    images = np.arange(40)
    assert drop.points == pytest.approx(100 * np.mean(likely[images, before] - likely[images, after]), rel=1e-4)
    assert drop.points > 0
    assert Judge(original, [Labelled({"x": x}, lucky, 40)])(original).points == 0


@pytest.mark.parametrize("labels", [None, "of other classes"])
def test_without_usable_labels_agreement_counts(graphs, rng, labels):
    (original, changed), (w, v) = graphs(CLASSIFIER, (5, 6))
    x = rng.standard_normal((24, 6)).astype(np.float32)
    wrong = ((x @ w.T).argmax(axis=1) + 1) % 5
    batches = [Labelled({"x": x}, None if labels is None else wrong.astype(np.int64), 24)]
    drop = Judge(original, batches)(changed)
    agreement = 100 * np.mean((x @ v.T).argmax(axis=1) == (x @ w.T).argmax(axis=1))
    assert (drop.figure, drop.before) == (AGREEMENT, 100.0)
    assert drop.after == pytest.approx(agreement) and agreement < 100


def test_other_networks_are_judged_by_their_error(graphs, rng):
    (original, changed), (w, v) = graphs(IMAGES, (4, 3, 1, 1))
    x = rng.standard_normal((6, 3, 8, 7)).astype(np.float32)
    exact, other = (np.einsum("nchw,fc->nfhw", x, k[:, :, 0, 0]) for k in (w, v))
    drop = Judge(original, [Labelled({"x": x[:4]}, None, 4), Labelled({"x": x[4:]}, None, 2)])(changed)
    assert drop.figure == RELATIVE_ERROR
    assert drop.points == pytest.approx(100 * np.linalg.norm(exact - other) / np.linalg.norm(exact), rel=1e-4)
    assert Judge(original, [Labelled({"x": x}, None, 6)])(original).points == 0


def test_filling_of_the_last_batch_does_not_count(graphs, rng):
    (original, changed), _ = graphs(CLASSIFIER, (5, 6))
    x = rng.standard_normal((8, 6)).astype(np.float32)
    filled = np.concatenate([x[:3], np.repeat(x[2:3], 5, axis=0)])
    whole = Judge(original, [Labelled({"x": x[:3]}, None, 3)])(changed)
    assert Judge(original, [Labelled({"x": filled}, None, 3)])(changed) == whole


def test_no_images_are_refused(graphs):
    with pytest.raises(DataError, match="no images to judge"):
        Judge(graphs(CLASSIFIER, (5, 6))[0][0], [])
