"""At which ranks a form is offered to a layer."""

from __future__ import annotations

import math

import numpy as np

from ..layers import Layer
from ..options import Option, Ranks
from ..targets import Target
from .form import Form
from .pair import Pair

LEAST_GAIN = 0.05
"""A chain that the target would run less than this share faster than the layer is not offered."""

_LEAST_STEP = 0.02
"""A rank that saves less than this share of the next one's time is no step of the staircase."""

_STEPS_PER_AXIS = 10
"""Of a form with two ranks, so that a wide layer has a hundred options and not a thousand."""


def useful_ranks(form: Form, layer: Layer, target: Target) -> list[Ranks]:
    """Ranks at which the chain is cheaper than the layer, in MACs and in predicted time, the cheapest first.

    Of one rank, they are the steps of the target's staircase of cost; below the first of them, the largest that is
    cheaper. Of two ranks, a grid of such steps. A form whose rank is no choice has that one, or none.
    """
    if not isinstance(form, Pair):
        ranks = form.full_ranks(layer)
        faster = target.chain_ms(layer, form.stages(layer, ranks)) <= (1 - LEAST_GAIN) * target.layer_ms(layer)
        return [ranks] if faster and form.macs(layer, ranks) < layer.macs else []
    if len(form.full_ranks(layer)) == 1:
        return _staircase(form, layer, target)
    affordable = (1 - LEAST_GAIN) * target.layer_ms(layer)
    cheaper = [ranks for ranks in _grid(form, layer, target) if form.macs(layer, ranks) < layer.macs]
    cheaper.sort(key=lambda ranks: form.macs(layer, ranks))
    return [ranks for ranks in cheaper if target.chain_ms(layer, form.stages(layer, ranks)) <= affordable]


def _staircase(form: Pair, layer: Layer, target: Target) -> list[Ranks]:
    limit = min(form.full_ranks(layer)[0], _break_even(form, layer))
    affordable = (1 - LEAST_GAIN) * target.layer_ms(layer)
    edges: list[Ranks] = []
    for rank in reversed(range(1, limit + 1) if form.own else _steps(target, limit)):
        latency_ms = target.chain_ms(layer, form.stages(layer, (rank,)))
        if latency_ms <= affordable:
            edges.append((rank,))
            affordable = (1 - _LEAST_STEP) * latency_ms
    return edges[::-1]


def _steps(target: Target, limit: int) -> list[int]:
    return list(target.useful_ranks(limit)) or ([limit] if limit else [])


def _grid(form: Pair, layer: Layer, target: Target) -> list[Ranks]:
    """Pairs of steps; where the third stage is merged back, its rank is the full one."""
    full = form.full_ranks(layer)
    first, second = ([steps[i] for i in _spread(len(steps))] for steps in (_steps(target, limit) for limit in full))
    pairs = [(k, m) for k in first for m in second if form.middle(layer, (k, m)) is not None]
    merged = [(k, full[1]) for k in first if form.middle(layer, (k, full[1])) is None]
    return [*pairs, *merged]


def _spread(count: int) -> list[int]:
    """At most `_STEPS_PER_AXIS` indices from the first to the last."""
    spread = np.linspace(0, count - 1, min(count, _STEPS_PER_AXIS)).round().astype(int)
    return [int(index) for index in spread]


def _break_even(form: Pair, layer: Layer) -> int:
    """The largest rank whose chain costs less than the layer."""
    base = form.macs(layer, (0,))
    per_rank = form.macs(layer, (1,)) - base
    return max(0, math.ceil((layer.macs - base) / per_rank) - 1)


def option(form: Form, layer: Layer, ranks: Ranks, target: Target, *, error: float, loss: float) -> Option:
    """The option to give `layer` this form at these ranks."""
    return Option(
        layer=layer.name,
        form=form.name,
        ranks=ranks,
        macs=form.macs(layer, ranks),
        params=form.params(layer, ranks),
        latency_ms=target.chain_ms(layer, form.stages(layer, ranks)),
        error=error,
        loss=loss,
    )
