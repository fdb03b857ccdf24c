"""What a plan did to one layer, for the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One line of a plan.

    Attributes:
        layer: its name in the first model.
        form: what became of it: a low-rank form, pruning.
        ranks: of the form, or how many channels are left.
        macs: before and after, per sample; None where the plan does not say.
        ms: expected latency before and after, in milliseconds; None where the plan does not say.
        error: that the choice was expected to bring about, as the plan has it.
        sensitivity: of the output to an error of the layer, as the plan has it.
    """

    layer: str
    form: str
    ranks: tuple[int, ...]
    macs: tuple[float, float] | None = None
    ms: tuple[float, float] | None = None
    error: float | None = None
    sensitivity: float | None = None

    @property
    def shown_ranks(self) -> str:
        """Like `48x32`."""
        return "x".join(map(str, self.ranks))
