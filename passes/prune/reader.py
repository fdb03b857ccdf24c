"""Layers that read channels which may go, and what the network suffers if these do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..lowrank.sensitivity import PowerLaw
from .nested import Nested
from .quadratic import Quadratic

F64 = NDArray[np.float64]

_USUAL_ERROR = 0.05
"""Of a layer, at which layers that read the same channels are weighed against each other."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A layer that reads channels which may go.

    Attributes:
        forms: one for each convolution group.
        law: what its error does to the network.
        name: of the layer.
    """

    forms: Sequence[Quadratic]
    law: PowerLaw
    name: str

    def losses(self, selections: Sequence[NDArray[np.bool_]], *, refit: bool) -> list[float]:
        """What the network suffers at each selection (K,) of the classes that stay, in each all of those before it."""
        errors = np.mean([_errors(form, selections, refit=refit) for form in self.forms], axis=0)
        return [self.law(error) for error in errors.tolist()]


def usual_weight(law: PowerLaw) -> float:
    """How much the network suffers from an error, as a line."""
    return law(_USUAL_ERROR) / _USUAL_ERROR


def kept_channels(classes: NDArray[np.intp], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(C,) whether each channel stays, given which classes (K,) do."""
    stays: NDArray[np.bool_] = (classes < 0) | kept[classes]
    return stays


def _errors(form: Quadratic, selections: Sequence[NDArray[np.bool_]], *, refit: bool) -> F64:
    """The error over the energy at each selection."""
    stays = np.array([kept_channels(form.classes, kept) for kept in selections])
    if not refit:
        return form.unfitted_errors(stays)
    counts = stays.sum(axis=1)
    order = np.argsort(-stays.sum(axis=0), kind="stable")
    errors: F64 = Nested(form, order[: counts[-1]]).errors[counts]
    return errors
