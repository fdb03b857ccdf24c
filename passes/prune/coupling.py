"""Walk a graph and find out which channels are coupled."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx_graphsurgeon as gs

from ...runtime_check.cost import Shape
from ..graph import tensors_read
from . import operators  # noqa: F401 - registers the handlers
from .channels import Coupling, NotFollowedError
from .registry import handler_of

_STANDARD_DOMAINS = frozenset({None, "", "ai.onnx"})


def couple(graph: gs.Graph, shapes: Mapping[str, Shape], samplers: Collection[str] = ()) -> Coupling:
    """Follow the channels of `graph`, whose nodes stand in topological order.

    Args:
        graph: the network.
        shapes: of its tensors.
        samplers: names of Gather nodes that pick channels for one layer alone.
    """
    coupling = Coupling(graph, shapes, samplers)
    for node in graph.nodes:
        _follow(node, coupling)
    for tensor in graph.outputs:
        _pin(coupling, tensor.name, "it reaches an output of the graph")
    return coupling


def _follow(node: gs.Node, coupling: Coupling) -> None:
    handler = handler_of(node.op) if node.domain in _STANDARD_DOMAINS else None
    reason = f"'{node.name}' ({node.op}) "
    if handler is None:
        reason += "mixes channels, or is not known to treat them one by one"
    else:
        try:
            handler(node, coupling)
        except NotFollowedError as error:
            reason += f"is not followed: {error}"
        else:
            return
    for name in tensors_read(node):
        _pin(coupling, name, reason)


def _pin(coupling: Coupling, tensor: str, reason: str) -> None:
    found = coupling.channels.get(tensor)
    if found is not None:
        coupling.pin(found.atoms, reason)
