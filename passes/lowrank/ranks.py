"""Which ranks a layer is offered at, and what each loses.

`energy` is accnn's rule: maximize the product over layers of the share of singular values that is kept (Zhang et al.,
*Accelerating very deep convolutional networks*, 2015, section 2.4; MXNet's tools/accnn/rank_selection.py), here as a
sum of negative logarithms, in which a layer left alone loses nothing. Mended against accnn: a rank dearer than the
layer is never offered, and every layer may be left alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ..layers import Layer
from ..options import Option, keep
from .form import Factorization, Form

_NARROW = 4
"""Layers whose useful ranks stay under four blocks are offered multiples of this, the floor of every runtime."""


def useful_ranks(form: Form, layer: Layer, block: int) -> Iterator[int]:
    """Ranks at which the chain is cheaper than the layer, at the steps where the runtime's cost really changes.

    Args:
        form: the form.
        layer: the layer.
        block: channels that the runtime computes together; ranks between multiples cost as much as the next one.
    """
    limit = min(form.full_rank(layer), _break_even(form, layer))
    step = block if limit >= 4 * block else math.gcd(block, _NARROW)
    yield from range(step, limit + 1, step)
    if limit and limit < step:
        yield limit


def _break_even(form: Form, layer: Layer) -> int:
    """The largest rank whose chain costs less than the layer."""
    base = form.macs(layer, 0)
    per_rank = form.macs(layer, 1) - base
    return max(0, math.ceil((layer.macs - base) / per_rank) - 1)


def energy_options(layer: Layer, factorizations: Mapping[Form, Factorization], block: int) -> list[Option]:
    """The options of `layer` in the given forms, with accnn's loss; the first is to leave it alone."""
    options = [keep(layer)]
    for form, factorization in factorizations.items():
        kept = np.cumsum(factorization.singular_values)
        for rank in useful_ranks(form, layer, block):
            share = kept[rank - 1] / kept[-1] if kept[-1] > 0 else 1.0
            options.append(
                Option(
                    layer=layer.name,
                    form=form.name,
                    rank=rank,
                    macs=form.macs(layer, rank),
                    params=form.params(layer, rank),
                    error=factorization.error(rank),
                    loss=-math.log(share),
                )
            )
    return options
