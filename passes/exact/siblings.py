"""`siblings`: convolutions of the same geometry that read the same tensor as one convolution and a Split.

Proof sketch: the filters of a convolution do not see each other, so those of all siblings side by side give all their
channels side by side, and Split cuts them apart again. One wide convolution reads the input once instead of once per
sibling; but the Split leaves onnxruntime's blocked layout, and every case measured there became slower
(docs/exact.md). So it is applied only if `--measure` finds a gain.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values, is_output
from .edit import constant
from .rule import Rewrite, Rule, Scene

_GEOMETRY = ("kernel_shape", "strides", "pads", "dilations", "auto_pad", "group")
_FIRST_OPSET = 13
"""From here on Split reads the sizes of its parts from an input."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """The first of several dense Convs with constant weights of one kernel, all of whose outputs stay inside."""
    if scene.opset < _FIRST_OPSET or not _is_plain(node):
        return None
    alike = [other for other in node.inputs[0].outputs if _is_plain(other) and _geometry(other) == _geometry(node)]
    alike = sorted({id(other): other for other in alike}.values(), key=scene.position)
    if len(alike) < 2 or alike[0] is not node:
        return None
    if any(is_output(scene.graph, other.outputs[0]) for other in alike):
        return "a sibling's channels are an output of the graph"
    names = ", ".join(other.name for other in alike[1:])
    return Rewrite(f"one convolution with {names}, and a Split", lambda: _apply(scene.graph, alike))


def _is_plain(node: gs.Node) -> bool:
    if node.op != "Conv" or node.attrs.get("group", 1) != 1 or constant_values(node.inputs[1]) is None:
        return False
    return len(node.inputs) < 3 or not node.inputs[2].name or constant_values(node.inputs[2]) is not None


def _geometry(node: gs.Node) -> tuple[object, ...]:
    weight = constant_values(node.inputs[1])
    shape = () if weight is None else (weight.shape[1:], str(weight.dtype))
    return (shape, *(str(node.attrs.get(name)) for name in _GEOMETRY), id(node.inputs[0]))


def _apply(graph: gs.Graph, alike: list[gs.Node]) -> None:
    first = alike[0]
    weights = [constant_values(node.inputs[1]) for node in alike]
    known = [weight for weight in weights if weight is not None]
    biases = [
        constant_values(node.inputs[2])
        if len(node.inputs) > 2 and node.inputs[2].name
        else np.zeros(len(weight), weight.dtype)
        for node, weight in zip(alike, known, strict=True)
    ]
    sizes = constant(graph, f"{first.name}.sizes", np.array([len(weight) for weight in known], np.int64))
    inputs = [
        first.inputs[0],
        constant(graph, f"{first.name}.weight", np.concatenate(known)),
        constant(graph, f"{first.name}.bias", np.concatenate([bias for bias in biases if bias is not None])),
    ]
    whole = gs.Variable(f"{first.name}/siblings")
    merged = gs.Node("Conv", f"{first.name}/siblings", dict(first.attrs), inputs, [whole])
    outputs = [node.outputs[0] for node in alike]
    position = next(index for index, node in enumerate(graph.nodes) if node is first)
    for node in alike:
        node.inputs.clear()
        node.outputs.clear()
    split = gs.Node("Split", f"{first.name}/split", {"axis": 1}, [whole, sizes], outputs)
    graph.nodes = [node for node in graph.nodes if all(node is not other for other in alike)]
    graph.nodes[position:position] = [merged, split]


RULE = Rule("siblings", frozenset({"Conv"}), match, targets=frozenset())
