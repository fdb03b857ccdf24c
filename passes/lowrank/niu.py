"""`--ranks niu`: the least sensitive layer gives way, one rank after the other.

Niu, Liu, Mei, Ji, Zhou and Wang, *Sensitivity-based acceleration and compression algorithm for convolution neural
network*, GlobalSIP 2017 (journal version: Zhou, Niu and Zhang, *Sensitivity-oriented layer-wise acceleration and
compression for convolutional neural network*, IEEE Access 2019). The definition followed:

- every layer has one decomposition: the first of the forms at hand that suits it;
- the sensitivity of a layer at its present rank is by how much more the network's output changes at the next lower rank
  that is offered, all other layers as they were, per unit of cost that the step saves;
- from the whole network, the layer of least sensitivity goes down by one rank, until the goal is met.

The paper reads the change off the accuracy on labelled images. Here it is the divergence of the output on unlabelled
ones, measured at three ranks of each layer, and between them a function of the error of the layer's own output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..budget import Cost, undominated
from ..layers import Layer
from ..options import Option
from ..statistics import Batches, Statistics
from ..targets import Target
from .form import Form
from .sensitivity import Point, curve_of, measure_affordably, regress

_PLACES = (0.15, 0.5, 0.85)
"""Where among a layer's ranks, of the cheapest and the dearest, it is measured."""


def niu_options(
    graph: gs.Graph,
    choices: Sequence[tuple[Layer, Sequence[Form]]],
    statistics: Statistics,
    batches: Batches,
    target: Target,
) -> list[list[Option]]:
    """Every layer's options, their loss the change of the network's output; the first is to leave it alone."""
    offers, probes = regress([(layer, forms[:1]) for layer, forms in choices], statistics, target, _PLACES)
    curves = measure_affordably(graph, probes, batches)
    return [_with_losses(options, curves[curve_of(options[-1].layer, options[-1].form)]) for options in offers]


def _with_losses(options: Sequence[Option], points: Sequence[Point]) -> list[Option]:
    losses = change_at(np.array([option.error for option in options]), points)
    return [replace(option, loss=float(loss)) for option, loss in zip(options, losses, strict=True)]


def change_at(errors: NDArray[np.float64], points: Sequence[Point]) -> NDArray[np.float64]:
    """The change of the network's output where a layer's error is so large: 0 at 0, and nowhere falling.

    Linear between the points measured, (error, change); beyond the last in proportion to the error.
    """
    measured = np.array(sorted(points))
    places = np.concatenate([[0.0], measured[:, 0]])
    changes = np.concatenate([[0.0], np.maximum.accumulate(measured[:, 1])])
    beyond = np.maximum(errors / max(places[-1], 1e-12), 1.0)
    found: NDArray[np.float64] = np.interp(errors, places, changes) * beyond
    return found


def allocate(options: Sequence[Sequence[Option]], budget: float, cost: Cost) -> list[Option]:
    """`budget.choose` by steps: the least sensitive layer goes down by one option until the budget is kept.

    Raises:
        ValueError: even the cheapest options cost more.
    """
    ladders = [undominated(layer, cost) for layer in options]
    places = [len(ladder) - 1 for ladder in ladders]
    total = sum(cost(ladder[-1]) for ladder in ladders)
    while total > budget:
        steps = [
            (_sensitivity(ladder[place], ladder[place - 1], cost), index)
            for index, (ladder, place) in enumerate(zip(ladders, places, strict=True))
            if place > 0
        ]
        if not steps:
            raise ValueError(f"the cheapest options cost {total}, over the budget of {budget}")
        _, index = min(steps)
        total -= cost(ladders[index][places[index]])
        places[index] -= 1
        total += cost(ladders[index][places[index]])
    return [ladder[place] for ladder, place in zip(ladders, places, strict=True)]


def _sensitivity(option: Option, lower: Option, cost: Cost) -> float:
    return (lower.loss - option.loss) / (cost(option) - cost(lower))
