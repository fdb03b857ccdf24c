"""The fits to the first channels of an order, against solving anew for each of them."""

import numpy as np
import pytest
from planish.passes.prune.nested import Nested
from planish.passes.prune.quadratic import Quadratic

CHANNELS, POSITIONS = 7, 3


@pytest.fixture
def form(quadratic_of):
    return quadratic_of(range(CHANNELS))


def test_errors_and_kernels_are_those_of_a_fit_to_the_first_channels(form, rng):
    order = rng.permutation(CHANNELS)
    nested = Nested(form, order)
    assert nested.errors[0] == 1
    assert nested.errors[-1] == pytest.approx(0, abs=1e-12)
    for width in range(1, CHANNELS):
        kept = np.isin(np.arange(CHANNELS), order[:width])
        kernel, error = form.refitted(kept)
        assert nested.errors[width] == pytest.approx(error, rel=1e-9)
        np.testing.assert_allclose(nested.kernel(width)[:, np.repeat(kept, POSITIONS)], kernel, rtol=1e-9)
        assert not nested.kernel(width)[:, np.repeat(~kept, POSITIONS)].any()


def test_an_order_may_leave_channels_out(form):
    order = np.array([4, 0, 2])
    np.testing.assert_allclose(Nested(form, order).errors, Nested(form, np.array([4, 0, 2, 1, 3, 5, 6])).errors[:4])


def test_a_layer_that_answers_nothing_loses_nothing(form):
    silent = Quadratic(form.gram, np.zeros_like(form.kernel), form.classes, POSITIONS, 0.0, 1.0)
    assert not Nested(silent, np.arange(CHANNELS)).errors.any()
