"""Cosines and verification, against brute force."""

import itertools

import numpy as np
import pytest
from planish.runtime_check.embedding import EmbeddingMeter, verification_pairs, verify
from planish.runtime_check.pairs import read_pairs


def test_pairs_are_all_of_one_identity_and_as_many_of_two(rng):
    labels = rng.integers(0, 6, 40)
    first, second, same = verification_pairs(labels)
    wanted = {(a, b) for a, b in itertools.combinations(range(40), 2) if labels[a] == labels[b]}
    assert {(min(a, b), max(a, b)) for a, b in zip(first[same], second[same], strict=True)} == wanted
    assert (labels[first[~same]] != labels[second[~same]]).all()
    assert (~same).sum() == same.sum()


def test_verification_is_that_of_lfw(rng):
    cosines, same = rng.normal(0, 1, 60), np.arange(60) < 30
    cosines[same] += 1.5
    right = 0
    for fold in range(10):
        test = np.arange(60) % 10 == fold
        best = max(cosines[~test], key=lambda t: (((cosines[~test] >= t) == same[~test]).mean(), t))
        right += ((cosines[test] >= best) == same[test]).sum()
    assert verify(cosines, same).sum() == right


def test_identities_that_lie_apart_are_told_apart(rng):
    labels = np.repeat(np.arange(8), 5)
    centres = rng.normal(0, 1, (8, 16))
    good = centres[labels] + rng.normal(0, 0.05, (40, 16))
    bad = rng.normal(0, 1, (40, 16))
    names = tuple(f"{index}.jpg" for index in range(40))
    meter = EmbeddingMeter(2)
    for part in (slice(25), slice(25, 40)):
        meter.add([3 * good[part], bad[part]], labels[part], names[part])
    found = {quality.name: quality.values for quality in meter.qualities()}
    assert found["verification accuracy"][0] > 97
    assert found["verification accuracy"][1] < 75
    (difference,) = meter.differences()
    assert difference.verdict.startswith("loses")


def test_given_pairs_are_verified_and_labels_do_not_count(rng, tmp_path):
    vectors = rng.normal(0, 1, (4, 8))
    vectors[1], vectors[3] = vectors[0], vectors[2]
    text = "a,b,same\n" + "x/0.jpg,x/1.jpg,1\nx/2.jpg,x/3.jpg,1\nx/0.jpg,x/2.jpg,0\nx/1.jpg,x/3.jpg,0\n" * 10
    (tmp_path / "pairs.csv").write_text(text)
    meter = EmbeddingMeter(1, read_pairs(tmp_path / "pairs.csv"))
    meter.add([vectors], np.zeros(4, np.int64), tuple(f"/data/x/{index}.jpg" for index in range(4)))
    (quality,) = meter.qualities()
    assert (quality.name, quality.values) == ("verification accuracy", (100.0,))


def test_cosines_between_the_models(rng):
    a = rng.normal(0, 1, (5, 7))
    b = a.copy()
    b[2] = -b[2]
    meter = EmbeddingMeter(2)
    meter.add([a, 2 * b], None, ())
    assert [q.values[0] for q in meter.qualities()] == [pytest.approx(0.6, abs=1e-6), pytest.approx(-1, abs=1e-6)]
    assert meter.differences() == ()
