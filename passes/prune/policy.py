"""`--policy he2017`: the widths that He et al. gave VGG-16 by hand, for comparison with those of the solver.

Section 4.1.2 of *Channel pruning for accelerating very deep neural networks*, 2017: the last stage keeps its channels,
the one before it keeps 1.5 times the share of the earlier ones. A stage is all that has one resolution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...errors import PlanishError
from ..budget import Allowance
from ..layers import Layer
from .decision import Offer
from .groups import Group
from .price import PriceList
from .widths import uniform

_LATE_SHARE = 1.5
_LEAST_STAGES = 3


def he2017(
    groups: Sequence[Group],
    offers: Sequence[Offer],
    layers: Mapping[str, Layer],
    prices: PriceList,
    allowance: Allowance,
) -> list[int]:
    """For each group the index of the width that it takes.

    Raises:
        BudgetError: the goal is out of reach.
        PlanishError: the network has fewer than three resolutions.
    """
    sizes = [_resolution(layers.get(group.producers[0].node.name)) for group in groups]
    stages = sorted({size for layer in layers.values() if (size := _resolution(layer))}, reverse=True)
    if len(stages) < _LEAST_STAGES:
        raise PlanishError(
            f"--policy he2017 speaks of the last two of several resolutions, and the model has {len(stages)}; leave it"
            " out to choose by measured sensitivity"
        )
    weights = {0: math.inf, stages[-1]: math.inf, stages[-2]: _LATE_SHARE}
    return uniform(offers, prices, allowance, [weights.get(size, 1.0) for size in sizes])


def _resolution(layer: Layer | None) -> int:
    """Output positions of a convolution; 0 for other layers."""
    return math.prod(layer.output_size) if layer is not None and layer.is_conv else 0
