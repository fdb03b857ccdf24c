"""What a network suffers at each of several selections, against the errors of single ones."""

import numpy as np
import pytest
from planish.passes.lowrank.sensitivity import PowerLaw
from planish.passes.prune.quadratic import Quadratic
from planish.passes.prune.reader import Reader, kept_channels

LAW = PowerLaw(3.0, 1.5)
CLASSES = np.array([0, 1, 2, -1, 3, 3, 4])  # one stays whatever happens, two stand and fall together
NESTED = [np.isin(np.arange(5), kept) for kept in ([2], [2, 4], [2, 4, 3], [2, 4, 3, 0])]


def form_of(rng):
    mixing = rng.standard_normal((21, 21))
    gram = mixing @ mixing.T + 0.1 * np.eye(21)
    kernel = rng.standard_normal((5, 21))
    return Quadratic(gram, kernel, CLASSES, 3, float(np.vdot(kernel @ gram, kernel)), 1.0)


def test_losses_are_the_law_of_the_mean_error_of_all_groups(rng):
    forms = [form_of(rng), form_of(rng)]
    losses = Reader(forms, LAW, "y").losses(NESTED, refit=True)
    for kept, loss in zip(NESTED, losses, strict=True):
        errors = [form.refitted(kept_channels(CLASSES, kept))[1] for form in forms]
        assert loss == pytest.approx(LAW(float(np.mean(errors))), rel=1e-9)


def test_without_a_fit_the_weights_that_stay_are_as_they_were(rng):
    form = form_of(rng)
    losses = Reader([form], LAW, "y").losses(NESTED, refit=False)
    for kept, loss in zip(NESTED, losses, strict=True):
        gone = form.kernel * np.repeat(~kept_channels(CLASSES, kept), 3)
        assert loss == pytest.approx(LAW(float(np.vdot(gone @ form.gram, gone)) / form.energy), rel=1e-9)
