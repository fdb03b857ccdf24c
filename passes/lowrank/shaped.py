"""Networks with chains of chosen shapes and no values: what they compute takes as long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from ..layers import Layer
from ..options import KEEP, Option, Ranks
from .chain import apply_chain
from .form import Chain
from .registry import forms


def shaped(graph: gs.Graph, layers: Mapping[str, Layer], chosen: Sequence[Option]) -> gs.Graph:
    """A copy of `graph` whose layers have the chosen forms.

    Args:
        graph: the network.
        layers: its layers, by name.
        chosen: what becomes of them.
    """
    copy = graph.copy()
    nodes = {node.name: node for node in copy.nodes}
    for option in chosen:
        if option.form != KEEP:
            shape_layer(copy, replace(layers[option.layer], node=nodes[option.layer]), option.form, option.ranks)
    return copy


def shape_layer(graph: gs.Graph, layer: Layer, form: str, ranks: Ranks) -> None:
    """Put a chain of this form, its weights constant, in the place of `layer`."""
    stages = forms()[form].stages(layer, ranks)
    weights = [np.full(stage.shape, 1 / np.prod(stage.shape[1:]), np.float32) for stage in stages]
    apply_chain(graph, layer, stages, Chain(weights, layer.bias))
