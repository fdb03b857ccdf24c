"""Accuracy against scikit-learn's, divergence against SciPy's."""

import numpy as np
import pytest
from planish.errors import DataError
from planish.runtime_check.accuracy import ClassMeter, class_scores, divergence, label_ranks
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import top_k_accuracy_score


def meter_of(*batches):
    meter = ClassMeter(len(batches[0]) - 1, "data")
    for *scores, labels in batches:
        meter.add(scores, labels)
    return meter


def test_top1_and_top5(rng):
    scores, labels = rng.standard_normal((211, 9)), rng.integers(0, 9, 211)
    (given,) = meter_of((scores[:100], labels[:100]), (scores[100:], labels[100:])).accuracies()
    for share, k in ((given.top1, 1), (given.top5, 5)):
        assert share == pytest.approx(100 * top_k_accuracy_score(labels, scores, k=k, labels=range(9)))


def test_top5_means_nothing_below_six_classes(rng):
    assert meter_of((rng.standard_normal((4, 5)), np.zeros(4, int))).accuracies()[0].top5 is None


def test_without_labels_there_is_no_accuracy(rng):
    assert meter_of((rng.standard_normal((4, 9)), None)).accuracies() == (None,)


def test_differences_are_second_less_first(rng):
    labels = np.arange(8)
    meter = meter_of((np.eye(8), np.eye(8)[[0, 1, 2, 3, 4, 5, 7, 6]], labels))
    top1, top5 = meter.differences()
    assert (top1.name, top1.value, top1.samples) == ("top-1 accuracy", -25, 8)
    assert top5.name == "top-5 accuracy"
    assert meter_of((np.eye(8), labels)).differences() == ()
    assert meter_of((np.eye(8), np.eye(8), None)).differences() == ()


def test_ties_go_to_the_lower_class():
    scores = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    assert label_ranks(scores, np.array([0, 1])).tolist() == [0, 1]


def test_agreement_counts_equal_answers():
    assert meter_of((np.eye(4), np.eye(4)[[0, 1, 3, 2]], None)).agreement().top1 == 50
    assert meter_of((np.eye(4), None)).agreement() is None


@pytest.mark.parametrize("probabilities", [True, False])
def test_divergence(rng, probabilities):
    a, b = rng.standard_normal((2, 30, 8))
    given = [softmax(x, axis=1) if probabilities else x for x in (a, b)]
    wanted = entropy(softmax(a, axis=1), softmax(b, axis=1), axis=1)
    assert divergence(*given) == pytest.approx(wanted.sum(), rel=1e-9)
    meter = meter_of(*((given[0][part], given[1][part], None) for part in (slice(10), slice(10, 30))))
    assert meter.agreement().kl == pytest.approx(wanted.mean(), rel=1e-9)


def test_labels_out_of_range():
    with pytest.raises(DataError, match="label 9 of sample 1 is out of range"):
        meter_of((np.zeros((2, 9)), np.array([0, 9])))


def test_which_outputs_are_class_scores():
    assert class_scores(np.zeros((2, 9, 1, 1))).shape == (2, 9)
    assert class_scores(np.zeros((2, 9))).shape == (2, 9)
    assert class_scores(np.zeros((2, 9, 4, 4))) is None
    assert class_scores(np.zeros((2, 1))) is None
    assert class_scores(np.zeros(2)) is None


def test_divergence_of_quantized_probabilities(rng):
    """Rounded to 8 bits they sum to 1 only about, and are still no logits."""
    a = softmax(2 * rng.standard_normal((50, 6)), axis=1)
    rounded = np.round(a * 255) / 255
    assert not np.allclose(rounded.sum(axis=1), 1, atol=1e-3)
    assert 0 <= divergence(a, rounded) / 50 < 5e-3  # taken for logits: 0.5


def test_a_class_rounded_to_nothing_is_not_infinitely_wrong():
    a = np.array([[0.999, 0.001, 0.0]])
    assert divergence(a, np.array([[1.0, 0.0, 0.0]])) == pytest.approx(0.001 * np.log(0.001 * 2**24) - 0.001, abs=1e-5)
