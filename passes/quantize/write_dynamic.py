"""`--dynamic-simulation`: every activation gets its own grid for every batch, as NN_compress simulated it.

The range is that of the batch, the grid has 2^bits - 1 steps and holds 0 at an integer zero point (NN_compress left it
unrounded, which costs 35 % more error). It is for comparison with static grids: it computes in float.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import unique_name
from .placement import Placement, place
from .static import Observed, StaticSettings
from .ties import Steps
from .weights import layer_scales, rounded_to_nearest
from .write_qdq import write_weights


def write_dynamic(
    observed: Observed, settings: StaticSettings, kept: Collection[str] = ()
) -> tuple[gs.Graph, Placement]:
    """The network with simulated activations and integer weights rounded to the nearest."""
    graph = observed.graph.copy()
    placement = place(graph, observed.macs, kept=kept, quantize_outputs=settings.quantize_outputs)
    tensors = graph.tensors()
    nodes = {node.name: node for node in placement.layers}
    for layer in observed.layers:
        if layer.name in nodes:
            scales = layer_scales(layer, Steps(1.0, None), bits=settings.bits, clipped=settings.repairs.clipped)
            weights = rounded_to_nearest(layer, scales, bits=settings.bits)
            write_weights(graph, nodes[layer.name], weights, None)
    for name in dict.fromkeys(node.inputs[0].name for node in placement.layers):
        _simulate(graph, tensors[name], placement.layers, settings.bits)
    graph.toposort()
    return graph, placement


def _simulate(graph: gs.Graph, tensor: gs.Tensor, layers: Collection[gs.Node], bits: int) -> None:
    """Let `layers` read `tensor` rounded to the grid of its own extremes: round(x / s) s, s = (max - min) / levels."""
    readers = [node for node in layers if node.inputs[0] is tensor]
    scope = _Scope(graph, tensor.name)
    zero = scope.constant("zero", np.float32(0))
    low = scope.node("Min", "low", [scope.node("ReduceMin", "least", [tensor], keepdims=0), zero])
    high = scope.node("Max", "high", [scope.node("ReduceMax", "most", [tensor], keepdims=0), zero])
    span = scope.node("Sub", "span", [high, low])
    step = scope.node("Mul", "step", [span, scope.constant("share", np.float32(1 / ((1 << bits) - 1)))])
    positive = scope.node("Max", "positive_step", [step, scope.constant("least_step", np.float32(1e-30))])
    cells = scope.node("Round", "cells", [scope.node("Div", "steps", [tensor, positive])])
    rounded = scope.node("Mul", "rounded", [cells, positive])
    for node in readers:
        node.inputs[0] = rounded


class _Scope:
    """Adds nodes to a graph under names that begin with a tensor's."""

    def __init__(self, graph: gs.Graph, prefix: str) -> None:
        self._graph, self._prefix = graph, prefix

    def constant(self, name: str, value: np.float32) -> gs.Constant:
        return gs.Constant(unique_name(self._graph, f"{self._prefix}_{name}"), np.asarray(value))

    def node(self, operator: str, name: str, inputs: list[gs.Tensor], **attributes: int) -> gs.Variable:
        output = gs.Variable(unique_name(self._graph, f"{self._prefix}_{name}"), np.float32)
        self._graph.nodes.append(gs.Node(operator, output.name, attributes, inputs, [output]))
        return output
