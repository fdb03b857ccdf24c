"""What exact rewrites at the end of a pipeline add to what a goal counts: a goal has to be kept with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from ..runtime_check.cost import count, infer_shapes
from .base import Result
from .budget import Unit
from .exact import Exact
from .graph import to_parts
from .layers import LayerScope, in_layer_scope
from .targets import Target


def exact_surplus(
    graph: gs.Graph, unit: Unit, scope: LayerScope, target: Target, input_shapes: Mapping[str, Sequence[int]]
) -> float:
    """How many more of `unit` the nodes in `scope` will have once `graph` is made fit for `target`; never negative.

    Args:
        graph: before any approximation.
        unit: 'MACs' or 'parameters'.
        scope: which nodes count.
        target: the runtime that shall become faster.
        input_shapes: of inputs whose sizes the model leaves open.
    """
    fit = graph.copy()
    Exact(target=target, input_shapes=input_shapes).specialize(fit, Result(), after_others=True, counted=True)
    return max(0.0, counted(fit, unit, scope, input_shapes) - counted(graph, unit, scope, input_shapes))


def counted(graph: gs.Graph, unit: Unit, scope: LayerScope, input_shapes: Mapping[str, Sequence[int]]) -> float:
    """How many of `unit` the nodes of `graph` in `scope` have, those that cannot be rewritten included."""
    parts = to_parts(graph)
    names = {node.name for node in graph.nodes if in_layer_scope(node, scope)}
    nodes = count(parts, infer_shapes(parts, input_shapes=input_shapes)).nodes
    return float(sum(node.macs if unit == "MACs" else node.params for node in nodes if node.name in names))
