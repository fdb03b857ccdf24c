"""What a plan did to one layer, for the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One line of a plan.

    Attributes:
        layer: its name in the first model.
        form: what became of it: a low-rank form, pruning.
        rank: of the form, or how many channels are left.
        macs: before and after, per sample; None where the plan does not say.
        error: that the choice was expected to bring about, as the plan has it.
        sensitivity: of the output to an error of the layer, as the plan has it.
    """

    layer: str
    form: str
    rank: int
    macs: tuple[int, int] | None
    error: float | None
    sensitivity: float | None
