"""How much of a layer's error counts once the layers behind it are fitted to what it feeds them."""

from __future__ import annotations

_POWER = 0.75


def left_of(place: int, count: int) -> float:
    """The share of an error's effect that is left: of the nth of N layers (n / N) to this power.

    A layer's effect is measured with all others as they were, which overrates the first ones: the fit of those behind
    makes up for much of it. Of GoogLeNet in low rank at half of its MACs KL is 0.091 without, with 0.5, 0.75 and 1
    0.072 (top-1 75.8, 77.2 and 77.6 of 78.2); pruned at 1.5 0.46 without, 0.28 with 0.75 and with 1.5.

    Args:
        place: of the layer in the order of the network, from 0.
        count: layers.
    """
    return float(((place + 1) / count) ** _POWER)
