"""What may become of a layer, and at what price: the currency between methods, the budget and the plan."""

from __future__ import annotations

from dataclasses import dataclass

from .layers import Layer
from .targets import Target

KEEP = "keep"
"""The form of the option to leave a layer alone, which every layer has."""

Ranks = tuple[int, ...]
"""The ranks of a form: K of a pair, two of them where a third stage has its own."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to treat one layer.

    Attributes:
        layer: the layer's name.
        form: name of the form, or `KEEP`.
        ranks: K, or as many as the form has; (0,) for `KEEP`.
        macs: multiply-accumulates per sample afterwards.
        params: parameters afterwards.
        latency_ms: predicted milliseconds per sample afterwards, on the target.
        error: expected squared error of the layer's output over its squared norm.
        loss: what the budget solver minimizes the sum of.
    """

    layer: str
    form: str
    ranks: Ranks
    macs: int
    params: int
    latency_ms: float
    error: float
    loss: float

    @property
    def rank(self) -> int:
        """The first of the ranks."""
        return self.ranks[0]


def keep(layer: Layer, target: Target) -> Option:
    """The option to leave `layer` alone."""
    return Option(layer.name, KEEP, (0,), layer.macs, layer.params, target.layer_ms(layer), 0.0, 0.0)
