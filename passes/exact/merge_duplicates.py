"""`merge_duplicates`: equal initializers become one, and so do equal nodes that read the same.

Proof sketch: a deterministic operator with equal attributes gives equal outputs for the same inputs, so readers of the
second may read the first. A constant that a MatMul reads first stays its own: OpenCV's importer makes a layer of it
and refuses two of one name.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import is_output
from .edit import redirect
from .fold_constants import NOT_REPEATABLE
from .rule import Rewrite, Rule, Scene


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A node that reads a copy of an earlier initializer, or that is the twin of an earlier node."""
    shared = [scene.originals.get(tensor.name, tensor) for tensor in node.inputs]
    if node.op == "MatMul":
        shared[0] = node.inputs[0]
    copies = [tensor for tensor, original in zip(node.inputs, shared, strict=True) if tensor is not original]
    if copies:
        return Rewrite(f"reads what {copies[0].name} is a copy of", lambda: _share(node, shared))
    twin = _twin(node, scene)
    if twin is None:
        return None
    if any(is_output(scene.graph, output) for output in node.outputs):
        return f"it computes the same as {twin.name}, but its own name is an output of the graph"
    return Rewrite(f"computes the same as {twin.name}: removed", lambda: _merge(scene.graph, node, twin))


def _share(node: gs.Node, inputs: list[gs.Tensor]) -> None:
    node.inputs = inputs


def _twin(node: gs.Node, scene: Scene) -> gs.Node | None:
    """An earlier node that computes the same."""
    source = next((tensor for tensor in node.inputs if tensor.name), None)
    if source is None or node.op in NOT_REPEATABLE or len(source.outputs) < 2:
        return None
    earlier = (other for other in source.outputs if scene.position(other) < scene.position(node) and other.outputs)
    return next((other for other in earlier if _computes_the_same(node, other)), None)


def _computes_the_same(node: gs.Node, other: gs.Node) -> bool:
    if (node.op, node.domain) != (other.op, other.domain):
        return False
    if len(node.inputs) != len(other.inputs) or len(node.outputs) != len(other.outputs):
        return False
    if not all(a is b or (not a.name and not b.name) for a, b in zip(node.inputs, other.inputs, strict=True)):
        return False
    plain = not any(isinstance(value, gs.Graph | gs.Tensor) for value in node.attrs.values())
    return (
        plain
        and node.attrs.keys() == other.attrs.keys()
        and all(np.array_equal(value, other.attrs[name]) for name, value in node.attrs.items())
    )


def _merge(graph: gs.Graph, node: gs.Node, twin: gs.Node) -> None:
    for output, kept in zip(node.outputs, twin.outputs, strict=True):
        if output.name:
            redirect(output, kept)
    node.inputs.clear()
    node.outputs.clear()
    graph.nodes = [other for other in graph.nodes if other is not node]


RULE = Rule("merge_duplicates", None, match)
