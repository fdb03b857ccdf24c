"""`drop_dead`: nodes and constants that no output depends on."""

from __future__ import annotations

import onnx_graphsurgeon as gs

from ..base import Result


def drop_dead(graph: gs.Graph, result: Result) -> None:
    """Remove what leads to no output, and put the rest into topological order. Inputs and outputs stay as they are.

    An output is a function of its ancestors alone.
    """
    before = {id(node): node for node in graph.nodes}
    graph.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=False).toposort()
    alive = {id(node) for node in graph.nodes}
    for key, node in before.items():
        if key not in alive and node.op != "Constant":
            result.changed(node.name, f"drop_dead: {node.op} leads to no output, removed")
