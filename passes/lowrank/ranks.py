"""At which ranks a form is offered to a layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..layers import Layer
from ..options import Option
from .form import Form

_FLOOR = 4
"""Ranks that are no multiple of this are slow on every runtime."""

_BLOCKS = 4
"""Layers whose useful ranks stay under this many blocks are offered multiples of the floor."""


def useful_ranks(form: Form, layer: Layer, block: int) -> Iterator[int]:
    """Ranks at which the chain is cheaper than the layer, at the steps where the runtime's cost really changes.

    Args:
        form: the form.
        layer: the layer.
        block: channels that the runtime computes together; ranks between multiples cost as much as the next one.
    """
    limit = min(form.full_rank(layer), _break_even(form, layer))
    step = block if limit >= _BLOCKS * block else math.gcd(block, _FLOOR)
    yield from range(step, limit + 1, step)
    if 0 < limit < step:
        yield limit


def _break_even(form: Form, layer: Layer) -> int:
    """The largest rank whose chain costs less than the layer."""
    base = form.macs(layer, 0)
    per_rank = form.macs(layer, 1) - base
    return max(0, math.ceil((layer.macs - base) / per_rank) - 1)


def option(form: Form, layer: Layer, rank: int, error: float, loss: float) -> Option:
    """The option to give `layer` this form at this rank."""
    return Option(
        layer=layer.name,
        form=form.name,
        rank=rank,
        macs=form.macs(layer, rank),
        params=form.params(layer, rank),
        error=error,
        loss=loss,
    )
