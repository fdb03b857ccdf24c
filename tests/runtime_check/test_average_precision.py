"""Average precision, against a slow definition and against scikit-learn where the two agree."""

import numpy as np
import pytest
from planish.runtime_check.average_precision import COCO_OVERLAPS, match, mean_average_precision
from planish.runtime_check.detections import overlaps
from sklearn.metrics import average_precision_score


def boxes(rng, count, classes=3):
    low = rng.uniform(0, 0.6, (count, 2))
    return np.column_stack([rng.integers(1, classes + 1, count), low, low + rng.uniform(0.1, 0.4, (count, 2))])


def disturbed(rng, wanted):
    """Detections near the boxes, some doubled, some of another class, best first."""
    rows = np.repeat(wanted, 2, axis=0)
    rows[:, 1:] += rng.normal(0, 0.03, (len(rows), 4))
    rows[rng.random(len(rows)) < 0.1, 0] = 1
    found = np.insert(rows, 1, rng.random(len(rows)), axis=1)[rng.random(len(rows)) < 0.8]
    return found[np.argsort(-found[:, 1])]


@pytest.fixture
def scene(rng):
    wanted = [boxes(rng, count) for count in rng.integers(0, 6, 25)]
    return [disturbed(rng, one) for one in wanted], wanted


def slow_precision(found, wanted, label, least):
    """The definition, word by word: at every recall reached the best precision at that recall or a higher one."""
    ranked = sorted(
        ((row[1], image, row[2:]) for image, rows in enumerate(found) for row in rows if row[0] == label),
        key=lambda entry: -entry[0],
    )
    free = {(i, j) for i, rows in enumerate(wanted) for j, row in enumerate(rows) if row[0] == label}
    total, hits, curve = len(free), 0, []
    for rank, (_, image, corners) in enumerate(ranked, 1):
        near = [(overlaps(corners[None], wanted[i][j : j + 1, 1:])[0, 0], i, j) for i, j in free if i == image]
        best = max(near, default=(0, 0, 0))
        if best[0] >= least:
            free.discard(best[1:])
            hits += 1
        curve.append((hits / total, hits / rank))
    steps = sorted({recall for recall, _ in curve if recall})
    return sum(max(p for r, p in curve if r >= recall) for recall in steps) / total


@pytest.mark.parametrize("least", [0.3, 0.5, 0.75])
def test_it_is_the_definition(scene, least):
    found, wanted = scene
    given = mean_average_precision(match(found, wanted, [least]))
    slow = np.mean([slow_precision(found, wanted, label, least) for label in (1, 2, 3)])
    assert given == pytest.approx([slow], abs=1e-12)
    assert 0.1 < slow < 0.95


def test_several_overlaps_at_once_are_those_one_by_one(scene):
    found, wanted = scene
    together = mean_average_precision(match(found, wanted, COCO_OVERLAPS))
    single = [mean_average_precision(match(found, wanted, [least]))[0] for least in COCO_OVERLAPS]
    np.testing.assert_allclose(together, single)
    assert (np.diff(together) <= 1e-12).all()


def test_it_is_scikit_learns_where_precision_falls_by_itself():
    """Each object is found once or not at all, and precision only falls: nothing is there to be made monotonous."""
    wanted = [np.array([[1, 0, 0, 1, 1]])] * 4
    found = [np.array([[1, score, 0, 0, 1, size]]) for score, size in ((0.9, 1), (0.8, 1), (0.7, 0.1), (0.6, 0.1))]
    given = mean_average_precision(match(found, wanted, [0.5]))[0]
    assert given == pytest.approx(average_precision_score([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.6]) * 2 / 4)


def test_weights_repeat_images(scene, rng):
    found, wanted = scene
    weights = rng.integers(0, 3, len(found))
    repeated = [index for index, weight in enumerate(weights) for _ in range(weight)]
    again = mean_average_precision(match([found[i] for i in repeated], [wanted[i] for i in repeated], [0.5]))
    given = mean_average_precision(match(found, wanted, [0.5]), weights.astype(float))
    assert given == pytest.approx(again, abs=1e-9)


def test_perfect_detections_and_none(scene):
    _, wanted = scene
    perfect = [np.insert(one, 1, 0.9, axis=1) for one in wanted]
    assert mean_average_precision(match(perfect, wanted, COCO_OVERLAPS)) == pytest.approx(np.ones(10))
    nothing = [np.empty((0, 6)) for _ in wanted]
    assert mean_average_precision(match(nothing, wanted, [0.5]))[0] == 0
