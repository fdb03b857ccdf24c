"""What may become of a layer, and at what price: the currency between methods, the budget and the plan."""

from __future__ import annotations

from dataclasses import dataclass

from .layers import Layer
from .targets import Target

KEEP = "keep"
"""The form of the option to leave a layer alone, which every layer has."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to treat one layer.

    Attributes:
        layer: the layer's name.
        form: name of the form, or `KEEP`.
        rank: K; 0 for `KEEP`.
        macs: multiply-accumulates per sample afterwards.
        params: parameters afterwards.
        latency_ms: predicted milliseconds per sample afterwards, on the target.
        error: expected squared error of the layer's output over its squared norm.
        loss: what the budget solver minimizes the sum of.
    """

    layer: str
    form: str
    rank: int
    macs: int
    params: int
    latency_ms: float
    error: float
    loss: float


def keep(layer: Layer, target: Target) -> Option:
    """The option to leave `layer` alone."""
    return Option(layer.name, KEEP, 0, layer.macs, layer.params, target.layer_ms(layer), 0.0, 0.0)
