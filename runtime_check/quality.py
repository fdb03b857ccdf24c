"""A figure of a task besides classification."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """One figure, the mean over all samples.

    Attributes:
        name: what it is.
        unit: of its values; empty for none.
        values: of each model; or one value that compares the second model with the first.
    """

    name: str
    unit: str
    values: tuple[float, ...]
