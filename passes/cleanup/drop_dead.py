"""`drop_dead`: nodes and constants that no output depends on."""

from __future__ import annotations

from typing import ClassVar

import onnx_graphsurgeon as gs

from ..base import Pass, Result, register


@register
class DropDead(Pass):
    """*Given* any graph; *result*: every node leads to an output. Inputs and outputs stay as they are."""

    name: ClassVar[str] = "drop_dead"
    exact: ClassVar[bool] = True

    def run(self, graph: gs.Graph) -> Result:
        """Remove what leads nowhere, and put the rest into topological order."""
        result = Result()
        before = {id(node): node for node in graph.nodes}
        graph.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=False).toposort()
        alive = {id(node) for node in graph.nodes}
        for key, node in before.items():
            if key not in alive:
                result.changed(node.name, f"{node.op} leads to no output: removed")
        return result
