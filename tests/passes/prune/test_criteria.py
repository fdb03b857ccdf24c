"""The quadratic forms against plain least squares on the samples, and the criteria against exhaustive search."""

from itertools import combinations

import numpy as np
import pytest
from planish.passes.layers import ConvGeometry, Layer
from planish.passes.lowrank.sensitivity import PowerLaw
from planish.passes.prune.channels import Port
from planish.passes.prune.criterion import Candidates, criteria
from planish.passes.prune.groups import Group
from planish.passes.prune.quadratic import quadratics
from planish.passes.prune.reader import Reader, kept_channels
from planish.passes.shrinkage import effective_count, shrinkage
from planish.passes.statistics import LayerStatistics

SAMPLES, CHANNELS, FILTERS = 400, 7, 5


@pytest.fixture
def samples(rng):
    """Patches (S, C * kh * kw) whose channels are correlated."""
    mixing = rng.standard_normal((CHANNELS * 6, CHANNELS * 6)) * np.geomspace(1, 0.3, CHANNELS * 6)
    return (rng.standard_normal((SAMPLES, CHANNELS * 6)) @ mixing + 0.3).astype(np.float32)


@pytest.fixture
def layer(rng):
    weight = rng.standard_normal((FILTERS, CHANNELS, 2, 3)).astype(np.float32)
    return Layer("c", None, weight, None, ConvGeometry((2, 3)), (9, 11), 0, 0)


def statistics_of(samples, layer):
    responses = samples @ layer.weight.reshape(FILTERS, -1).T
    gram = (samples.T.astype(np.float64) @ samples / len(samples))[None].astype(np.float32)
    return LayerStatistics(gram, samples.mean(axis=0, dtype=np.float64)[None], responses, len(samples), 1)


@pytest.fixture
def statistics(samples, layer):
    return statistics_of(samples, layer)


@pytest.fixture
def augmented(samples, layer):
    """The samples about their mean, and one for each dimension, which pulls to the weights of the layer."""
    centred = samples.astype(np.float64) - samples.mean(axis=0, dtype=np.float64)
    pull = shrinkage(centred.T @ centred / SAMPLES, effective_count(layer, SAMPLES))
    return np.concatenate([centred, np.sqrt(SAMPLES * pull) * np.eye(samples.shape[1])])


def least_squares_error(rows, responses, kept):
    """Relative error of the best linear map from the kept channels, by NumPy."""
    features = rows[:, np.repeat(kept, 6)]
    solved = np.linalg.lstsq(features, responses, rcond=None)[0]
    return np.square(responses - features @ solved).sum() / np.square(responses).sum()


def candidates(layer, statistics):
    classes = np.arange(CHANNELS)
    group = Group("a", classes, None, [Port(None, classes)], [], {i: i for i in range(CHANNELS)})
    return Candidates(group, None, [Reader(quadratics(layer, statistics, classes), PowerLaw(1.0, 1.0), "y")])


def test_the_error_from_moments_is_that_of_least_squares_on_the_samples(layer, statistics, augmented, rng):
    (form,) = quadratics(layer, statistics, np.arange(CHANNELS))
    for _ in range(5):
        kept = rng.permutation(CHANNELS) < 4
        expected = least_squares_error(augmented, augmented @ layer.weight.reshape(FILTERS, -1).T, kept)
        assert form.refitted(kept)[1] == pytest.approx(expected, rel=1e-3)
        assert form.unfitted_errors(kept[None])[0] > form.refitted(kept)[1]


def test_contributions_are_the_moments_of_each_channels_responses(layer, statistics, augmented):
    (form,) = quadratics(layer, statistics, np.arange(CHANNELS))
    patches = augmented.reshape(-1, CHANNELS, 6)
    responses = np.einsum("scq,ncq->csn", patches, layer.weight.reshape(FILTERS, CHANNELS, 6))
    expected = np.einsum("csn,dsn->cd", responses, responses) / SAMPLES / form.energy
    got = form.contributions(CHANNELS)
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(form.gains() / form.energy, np.diag(got), rtol=1e-4)


@pytest.mark.parametrize("name", ["lasso", "greedy"])
def test_exactly_as_many_channels_stay_and_they_are_near_the_best_there_are(layer, statistics, name):
    given = candidates(layer, statistics)
    (form,) = given.forms
    selections = criteria()[name].selections(given, [2, 4, 6])
    assert [int(kept.sum()) for kept in selections] == [2, 4, 6]
    for kept in selections:
        errors = []
        for chosen in combinations(range(CHANNELS), int(kept.sum())):
            mask = np.zeros(CHANNELS, dtype=bool)
            mask[list(chosen)] = True
            errors.append(form.refitted(kept_channels(form.classes, mask))[1])
        rank = int((np.array(errors) < form.refitted(kept)[1] * (1 - 1e-6)).sum())
        assert rank <= len(errors) // 4, f"{rank} of {len(errors)} choices are better"


def test_greedy_drops_the_one_channel_whose_loss_is_felt_least(layer, statistics):
    given = candidates(layer, statistics)
    (form,) = given.forms
    (kept,) = criteria()["greedy"].selections(given, [CHANNELS - 1])
    without = [form.refitted(np.arange(CHANNELS) != channel)[1] for channel in range(CHANNELS)]
    assert np.flatnonzero(~kept).tolist() == [int(np.argmin(without))]


def test_dead_channels_are_the_first_to_go(layer, statistics, samples):
    samples[:, 6:18] = 0
    gram = (samples.T.astype(np.float64) @ samples / SAMPLES)[None].astype(np.float32)
    mean = samples.mean(axis=0, dtype=np.float64)[None]
    dead = LayerStatistics(gram, mean, samples @ layer.weight.reshape(FILTERS, -1).T, SAMPLES, 1)
    for name in ("lasso", "greedy"):
        first, all_but_one = criteria()[name].selections(candidates(layer, dead), [5, 6])
        assert np.flatnonzero(~first).tolist() == [1, 2]
        assert all_but_one.sum() == 6


def test_features_that_hardly_vary_about_a_large_mean_are_no_trouble(layer, rng):
    """In float32 the second moments about such a mean are no longer those of anything."""
    samples = (100 + 1e-3 * rng.standard_normal((20, CHANNELS * 6))).astype(np.float32)
    gram = (samples.T.astype(np.float64) @ samples / 20)[None].astype(np.float32)
    statistics = LayerStatistics(gram, samples.mean(axis=0, dtype=np.float64)[None], np.zeros((20, FILTERS)), 20, 1)
    given = candidates(layer, statistics)
    for name in ("lasso", "greedy"):
        (kept,) = criteria()[name].selections(given, [4])
        assert kept.sum() == 4
        assert 0 <= given.forms[0].refitted(kept)[1] < 1
