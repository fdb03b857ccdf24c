"""Layers that low rank may treat in the same network that channels are taken out of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from ...runtime_check.cost import infer_shapes
from ..budget import Goal
from ..graph import to_parts
from ..layers import Layer, list_layers
from ..lowrank.registry import forms
from ..lowrank.shaped import shape_layer
from ..options import KEEP, Option, Ranks
from ..plan import LayerPlan
from ..targets import Target
from .decision import Offer
from .network import InputShapes


@dataclass(frozen=True, slots=True)
class Formed:
    """A layer that low rank may treat besides.

    Attributes:
        layer: as it is today.
        index: of its decision among all.
        options: that can be chosen; the last is to leave it alone.
    """

    layer: Layer
    index: int
    options: Sequence[Option]

    def chosen(self, widths: Sequence[int]) -> Option | None:
        """The form that the layer takes, if it takes one."""
        option = self.options[widths[self.index]]
        return None if option.form == KEEP else option

    def price(self, option: Option, made: int, read: int, goal: Goal, target: Target) -> float:
        """The cost of the chain in the place of a layer with so many filters and channels."""
        shape = (made, read, *self.layer.weight.shape[2:])
        layer = replace(self.layer, weight=np.broadcast_to(np.float32(0), shape))
        form, ranks = forms()[option.form], possible(layer, option)
        if goal.unit == "ms":
            return target.chain_ms(layer, form.stages(layer, ranks))
        return float(form.macs(layer, ranks) if goal.unit == "MACs" else form.params(layer, ranks))


def possible(layer: Layer, planned: Option | LayerPlan) -> Ranks:
    """The ranks, none above what is the full one now that channels are gone."""
    full = forms()[planned.form].full_ranks(layer)
    return tuple(min(pair) for pair in zip(planned.ranks, full, strict=True))


def form_offer(formed: Formed, goal: Goal) -> Offer:
    """The forms of a layer as the solver wants them."""
    costs = [goal.cost(option) for option in formed.options]
    shares = [round(1000 * cost / max(costs[-1], 1e-12)) for cost in costs]
    losses = [option.loss for option in formed.options]
    return Offer(f"{formed.layer.name}:form", shares, losses, losses)


def shape_layers(graph: gs.Graph, formed: Sequence[Formed], chosen: Sequence[int], input_shapes: InputShapes) -> None:
    """Give layers of a pruned network chains of the chosen shapes, their weights constant: they take as long."""
    shapes = infer_shapes(to_parts(graph), input_shapes=input_shapes)
    layers = {layer.name: layer for layer in list_layers(graph, shapes, "all")[0]}
    for it in formed:
        option, layer = it.chosen(chosen), layers[it.layer.name]
        if option is not None:
            shape_layer(graph, layer, option.form, possible(layer, option))
