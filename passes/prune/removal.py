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
    network: Network, removed: Collection[int], statistics: Statistics, batches: Batches, sampling: Sampling
) -> None:
    """Take channels out and fit all layers behind a change to what the original network answered."""
    graph, original = network.graph, network.graph.copy()
    remaining = remove(network, removed)
    shapes = infer_shapes(to_parts(graph), input_shapes=network.input_shapes)
    changed = _changed(graph, remaining)
    layers = [
        layer for layer in list_layers(graph, shapes, "all")[0] if layer.name in changed and layer.name in statistics
    ]
    refit((graph, original), layers, remaining, statistics, batches=batches, sampling=sampling)


def _changed(graph: gs.Graph, remaining: Mapping[str, Remaining]) -> set[str]:
    """Names of the layers that read what has changed."""
    changed: set[int] = set()
    names = set()
    for node in graph.nodes:
        left = remaining.get(node.name)
        behind = any(id(tensor) in changed for tensor in node.inputs)
        if behind or (left is not None and not left.read.all()):
            names.add(node.name)
            changed.update(id(tensor) for tensor in node.outputs)
    return names
