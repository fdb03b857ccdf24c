"""At which ranks a form is offered to a layer."""

from __future__ import annotations

import math

from ..layers import Layer
from ..options import Option
from ..targets import Target
from .form import Form

LEAST_GAIN = 0.05
"""A chain that the target would run less than this share faster than the layer is not offered."""

_LEAST_STEP = 0.02
"""A rank that saves less than this share of the next one's time is no step of the staircase."""


def useful_ranks(form: Form, layer: Layer, target: Target) -> list[int]:
    """Ranks at which the chain is cheaper than the layer, in MACs and in predicted time.

    They are the steps of the target's staircase of cost; below the first of them, the largest that is cheaper.
    """
    limit = min(form.full_rank(layer), _break_even(form, layer))
    affordable = (1 - LEAST_GAIN) * target.layer_ms(layer)
    edges: list[int] = []
    for rank in reversed(list(target.useful_ranks(limit)) or ([limit] if limit else [])):
        latency_ms = target.chain_ms(layer, form.stages(layer, rank))
        if latency_ms <= affordable:
            edges.append(rank)
            affordable = (1 - _LEAST_STEP) * latency_ms
    return edges[::-1]


def _break_even(form: Form, layer: Layer) -> int:
    """The largest rank whose chain costs less than the layer."""
    base = form.macs(layer, 0)
    per_rank = form.macs(layer, 1) - base
    return max(0, math.ceil((layer.macs - base) / per_rank) - 1)


def option(form: Form, layer: Layer, rank: int, target: Target, *, error: float, loss: float) -> Option:
    """The option to give `layer` this form at this rank."""
    return Option(
        layer=layer.name,
        form=form.name,
        ranks=(rank,),
        macs=form.macs(layer, rank),
        params=form.params(layer, rank),
        latency_ms=target.chain_ms(layer, form.stages(layer, rank)),
        error=error,
        loss=loss,
    )
