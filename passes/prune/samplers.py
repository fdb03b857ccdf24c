"""Samplers: a branch reads some of the channels that its neighbours need all of.

The first layer of a residual branch reads what the shortcut carries on. Rather than to prune all layers of that group
alike, a Gather can pick channels for this layer alone (He et al., *Channel pruning for accelerating very deep neural
networks*, 2017, section 3.3). A Gather copies, and in a blocked layout it also unpacks and packs again: it is offered
only at widths at which the target's cost model says that the layer saves more than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from ...runtime_check.cost import infer_shapes
from ..graph import constant_values, to_parts, unique_name
from ..layers import Layer
from ..targets import Target
from ..targets.work import layer_work
from .network import InputShapes, Network

SUFFIX = ".sampler"
"""Ends the names of samplers and of the groups that they make."""

LEAST_GAIN = 0.05
"""Of a layer's time, what a sampler must save at least: predictions err by about as much."""


@dataclass(frozen=True, slots=True)
class Sampler:
    """What a sampler in front of a layer would be worth.

    Attributes:
        layer: name of the layer.
        widths: at which it pays, ascending.
        cost_ms: predicted milliseconds of the Gather and the layout changes that it brings.
    """

    layer: str
    widths: Sequence[int]
    cost_ms: float


def worthwhile(network: Network, target: Target) -> dict[str, Sampler]:
    """The samplers that pay at some width, by name."""
    found = {}
    base: float | None = None
    for group in network.groups:
        if len(group.consumers) + len(group.producers) <= 2:
            continue
        for port in group.consumers:
            layer = network.layers.get(port.node.name)
            if layer is None or not layer.is_conv or layer.group != 1:
                continue
            widths = _saving(layer, target, 0.0)
            if not widths:
                continue
            base = _predicted(network.graph, network.input_shapes, target) if base is None else base
            with_one = network.graph.copy()
            insert(with_one, [layer.name])
            cost_ms = max(_predicted(with_one, network.input_shapes, target) - base, 0.0)
            widths = _saving(layer, target, cost_ms)
            if widths:
                found[layer.name + SUFFIX] = Sampler(layer.name, widths, cost_ms)
    return found


def _saving(layer: Layer, target: Target, cost_ms: float) -> list[int]:
    """Numbers of channels at which a layer is so much faster that a Gather of all of them pays."""
    work = layer_work(layer)
    channels = int(layer.weight.shape[1])
    allowed = (1 - LEAST_GAIN) * target.final_ms(work)
    return [
        width
        for width in target.useful_ranks(channels - 1)
        if target.final_ms(replace(work, shape=(work.shape[0], width, *work.shape[2:]))) + cost_ms <= allowed
    ]


def _predicted(graph: gs.Graph, input_shapes: InputShapes, target: Target) -> float:
    parts = to_parts(graph)
    return target.model_latency_ms(parts, infer_shapes(parts, input_shapes=input_shapes))


def insert(graph: gs.Graph, layers: Iterable[str]) -> None:
    """Put a Gather of all channels in front of each of `layers`."""
    wanted = set(layers)
    for position, node in reversed(list(enumerate(graph.nodes))):
        if node.name not in wanted:
            continue
        channels = int(np.asarray(constant_values(node.inputs[1])).shape[1])
        name = f"{node.name}{SUFFIX}"
        indices = gs.Constant(unique_name(graph, f"{name}.indices"), np.arange(channels, dtype=np.int64))
        picked = gs.Variable(unique_name(graph, f"{name}_out"), dtype=node.inputs[0].dtype)
        graph.nodes.insert(position, gs.Node("Gather", name, {"axis": 1}, [node.inputs[0], indices], [picked]))
        node.inputs[0] = picked
