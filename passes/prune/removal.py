"""Take channels out of a network and fit what is left."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx_graphsurgeon as gs

from ...runtime_check.cost import infer_shapes
from ..graph import to_parts
from ..layers import list_layers
from ..statistics import Batches, Sampling, Statistics
from .cutting import cut_channels
from .network import Network
from .refit import Remaining, refit, what_remains


def remove(network: Network, removed: Collection[int]) -> Mapping[str, Remaining]:
    """Take the channels whose roots are `removed` out of the network's graph; what is left of its layers, by name."""
    remaining = what_remains(network.coupling, network.layers, removed)
    cut_channels(network.coupling, removed)
    return remaining


def remove_and_fit(
    network: Network,
    removed: Collection[int],
    statistics: Statistics,
    batches: Batches,
    sampling: Sampling,
    *,
    readers_only: bool = False,
) -> None:
    """Take channels out and fit layers to what the original network answered: all behind a change, or its readers."""
    graph, original = network.graph, network.graph.copy()
    remaining = remove(network, removed)
    shapes = infer_shapes(to_parts(graph), input_shapes=network.input_shapes)
    changed = _readers(remaining) if readers_only else _behind(graph, remaining)
    layers = [
        layer for layer in list_layers(graph, shapes, "all")[0] if layer.name in changed and layer.name in statistics
    ]
    refit((graph, original), layers, remaining, statistics, batches=batches, sampling=sampling)


def _readers(remaining: Mapping[str, Remaining]) -> set[str]:
    """Names of the layers that have lost channels that they read."""
    return {name for name, left in remaining.items() if not left.read.all()}


def _behind(graph: gs.Graph, remaining: Mapping[str, Remaining]) -> set[str]:
    """Names of these layers and of all that stand behind them."""
    changed: set[int] = set()
    names = _readers(remaining)
    for node in graph.nodes:
        if node.name in names or any(id(tensor) in changed for tensor in node.inputs):
            names.add(node.name)
            changed.update(id(tensor) for tensor in node.outputs)
    return names
