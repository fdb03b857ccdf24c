"""What exact rewrites at the end of a pipeline add to what a goal counts: a goal has to be kept with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from ..runtime_check.cost import count, infer_shapes
from .base import Result
from .budget import Unit
from .exact import Exact
from .graph import to_parts
from .targets import Target


def exact_surplus(graph: gs.Graph, unit: Unit, target: Target, input_shapes: Mapping[str, Sequence[int]]) -> float:
    """How many more of `unit` the whole of `graph` will have once it is made fit for `target`; never negative.

    Args:
        graph: before any approximation.
        unit: 'MACs' or 'parameters'.
        target: the runtime that shall become faster.
        input_shapes: of inputs whose sizes the model leaves open.
    """
    fit = graph.copy()
    Exact(target=target, input_shapes=input_shapes).specialize(fit, Result(), after_others=True, counted=True)
    return max(0.0, _total(fit, unit, input_shapes) - _total(graph, unit, input_shapes))


def _total(graph: gs.Graph, unit: Unit, input_shapes: Mapping[str, Sequence[int]]) -> float:
    parts = to_parts(graph)
    nodes = count(parts, infer_shapes(parts, input_shapes=input_shapes)).nodes
    return float(sum(node.macs if unit == "MACs" else node.params for node in nodes))
