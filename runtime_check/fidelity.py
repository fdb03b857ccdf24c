"""How far a model's outputs are from a reference's, gathered batch by batch without keeping them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError


@dataclass(frozen=True, slots=True)
class OutputFidelity:
    """One output's error over all data; a is the reference's value, b the other model's.

    Attributes:
        name: the output.
        max_abs: largest abs(a - b).
        relative: L2 norm of a - b over that of a.
        cosine: of the angle between a and b.
        sqnr_db: signal to quantization noise, 10 log10(sum a^2 / sum (a - b)^2), in dB; infinite for equal outputs.
        elements: how many values were compared.
    """

    name: str
    max_abs: float
    relative: float
    cosine: float
    sqnr_db: float
    elements: int


class FidelityMeter:
    """Sums that one output's error follows from; in float64, whatever the outputs are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._max_abs = 0.0
        self._elements = 0
        self._signal = self._other = self._product = self._noise = 0.0

    def add(self, reference: NDArray[Any], other: NDArray[Any]) -> None:
        """Take in one batch of both models' values.

        Raises:
            ModelError: the shapes differ.
        """
        if reference.shape != other.shape:
            raise ModelError(
                f"output '{self.name}': the first model gives the shape {reference.shape}, the second {other.shape}; "
                "only models with the same outputs can be compared"
            )
        a, b = reference.astype(np.float64).ravel(), other.astype(np.float64).ravel()
        difference = a - b
        self._elements += a.size
        self._max_abs = max(self._max_abs, float(np.abs(difference).max(initial=0.0)))
        self._signal += float(a @ a)
        self._other += float(b @ b)
        self._product += float(a @ b)
        self._noise += float(difference @ difference)

    def result(self) -> OutputFidelity:
        """The figures over all batches so far."""
        lengths = math.sqrt(self._signal) * math.sqrt(self._other)
        return OutputFidelity(
            name=self.name,
            max_abs=self._max_abs,
            relative=_ratio(math.sqrt(self._noise), math.sqrt(self._signal)),
            cosine=self._product / lengths if lengths else float(self._signal == self._other),
            sqnr_db=sqnr_db(self._signal, self._noise),
            elements=self._elements,
        )


def sqnr_db(signal: float, noise: float) -> float:
    """10 log10(signal / noise): infinite without noise, minus infinite for noise on a signal of nothing."""
    if not noise:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def check_finite(model: str, outputs: dict[str, NDArray[Any]], names: tuple[str, ...]) -> None:
    """Refuse NaN and infinite outputs.

    Args:
        model: what to call the model.
        outputs: by name, batch first.
        names: of the batch's samples.

    Raises:
        ModelError: one is not finite; the message names the model, the output and the first sample.
    """
    for name, value in outputs.items():
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            rows = np.flatnonzero(~np.isfinite(value.reshape(len(value), -1)).all(axis=1)) if value.ndim else [0]
            sample = names[rows[0]] if rows[0] < len(names) else "a sample"
            raise ModelError(
                f"{model}: output '{name}' is NaN or infinite for {sample}; the model is broken there, "
                "or this data is outside of what it was made for"
            )


def _ratio(part: float, whole: float) -> float:
    if not part:
        return 0.0
    return part / whole if whole else math.inf
