"""`flatten`: a Reshape or Squeeze to (batch, features) as Flatten.

Proof sketch: all three keep the order of the elements; if the result has two axes and the second one is the product of
all of the input's axes but the first, the first is the batch, and Flatten with axis 1 gives just that, for every batch.
The shape's computation falls away, and what follows is a fully connected layer to every reader of the graph.
"""

from __future__ import annotations

import math

import onnx_graphsurgeon as gs

from ..graph import constant_values
from .edit import producer, replace
from .rule import Rewrite, Rule, Scene


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A Reshape or Squeeze of a tensor of at least three axes, known but for the batch, to two."""
    before, after = scene.shape(node.inputs[0]), scene.shape(node.outputs[0])
    if before is None or len(before) < 3 or None in before[1:]:
        return None
    features = math.prod(size or 0 for size in before[1:])
    if after is None or len(after) != 2:
        rows_kept = _keeps_batch(node, features)
    else:
        rows_kept = after[1] == features and (after[0] == before[0] or None in {after[0], before[0]})
        rows_kept = rows_kept and (after[0] is None) == (before[0] is None)
    if not rows_kept:
        return None
    return Rewrite(f"{node.op} to Flatten", lambda: _apply(scene.graph, node))


def _keeps_batch(node: gs.Node, features: int) -> bool:
    """Whether a Reshape, to a shape that is put together at run time, says (batch of the input, features or -1)."""
    parts = producer(node.inputs[1], "Concat") if node.op == "Reshape" else None
    if parts is None or len(parts.inputs) != 2 or node.attrs.get("allowzero", 0):
        return False
    rest = constant_values(parts.inputs[1])
    if rest is None or rest.size != 1 or int(rest.reshape(-1)[0]) not in {-1, features}:
        return False
    return _is_batch_of(parts.inputs[0], node.inputs[0])


def _is_batch_of(tensor: gs.Tensor, source: gs.Tensor) -> bool:
    """Whether `tensor` is Unsqueeze(Gather(Shape(source), 0)) or Slice(Shape(source), 0, 1)."""
    unsqueezed = producer(tensor, "Unsqueeze")
    gathered = producer(unsqueezed.inputs[0] if unsqueezed is not None else tensor, "Gather")
    if gathered is None:
        return False
    index, shape = constant_values(gathered.inputs[1]), producer(gathered.inputs[0], "Shape")
    return (
        index is not None
        and index.size == 1
        and int(index.reshape(-1)[0]) == 0
        and (shape is not None and shape.inputs[0] is source and not shape.attrs)
    )


def _apply(graph: gs.Graph, node: gs.Node) -> None:
    replace(graph, node, "Flatten", [node.inputs[0]], {"axis": 1})


RULE = Rule("flatten", frozenset({"Reshape", "Squeeze"}), match)
