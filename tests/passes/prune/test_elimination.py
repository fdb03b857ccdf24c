"""What is kept up to date while channels go, against solving anew for those that are left."""

import numpy as np
import pytest
from planish.passes.prune.elimination import Elimination
from planish.passes.prune.quadratic import Quadratic

POSITIONS = 3


@pytest.fixture
def form(quadratic_of):
    return quadratic_of([0, 1, 2, -1, 3, 3, 4, 5])  # one stays whatever happens, two stand and fall together


def without(form, gone):
    return form.refitted(~np.isin(form.classes, gone))[1]


def test_errors_are_those_of_a_fit_to_what_is_left(form):
    elimination = Elimination(form)
    gone = []
    for step in ([1], [3, 4], [0]):
        expected = without(form, gone + step) - without(form, gone)
        assert elimination.growth(np.array(step)) == pytest.approx(expected, rel=1e-6)
        elimination.drop(np.array(step))
        gone += step
        assert elimination.error == pytest.approx(without(form, gone), rel=1e-6)


def test_single_classes_are_told_all_at_once(form):
    elimination = Elimination(form)
    elimination.drop(np.array([2]))
    growths = elimination.growths(6)
    for index in (0, 1, 3, 4, 5):
        assert growths[index] == pytest.approx(without(form, [2, index]) - without(form, [2]), rel=1e-6)
    assert growths[2] == 0


def test_what_is_gone_goes_only_once(form):
    elimination = Elimination(form)
    elimination.drop(np.array([1, 2]))
    error = elimination.error
    elimination.drop(np.array([2]))
    assert elimination.error == error
    assert elimination.growth(np.array([1, 2])) == 0


def test_a_layer_that_answers_nothing_loses_nothing(form):
    silent = Quadratic(form.gram, np.zeros_like(form.kernel), form.classes, POSITIONS, 0.0, 1.0)
    elimination = Elimination(silent)
    assert elimination.growth(np.array([0, 1])) == 0
    assert not elimination.growths(6).any()
