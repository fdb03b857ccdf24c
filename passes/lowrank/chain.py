"""Put a chain of smaller layers where one layer stood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import detach, first_free, unique_name
from ..layers import Layer
from .form import Stage, Weights


def apply_chain(graph: gs.Graph, layer: Layer, stages: Sequence[Stage], weights: Sequence[Weights]) -> None:
    """Replace the node of `layer`; the last stage takes over its bias and its output."""
    node = layer.node
    tensor, bias, output = node.inputs[0], list(node.inputs[2:3]), node.outputs[0]
    position = detach(graph, node)
    names = {other.name for other in graph.nodes}
    for number, (stage, weight) in enumerate(zip(stages, weights, strict=True)):
        last = number == len(stages) - 1
        name = first_free(f"{layer.name}{stage.suffix}", names)
        constant = gs.Constant(unique_name(graph, f"{name}.weight"), np.ascontiguousarray(_stored(node, weight)))
        made = output if last else gs.Variable(unique_name(graph, f"{name}_out"), dtype=np.float32)
        inputs = [tensor, constant, *(bias if last else [])]
        graph.nodes.insert(position + number, gs.Node(node.op, name, _attributes(node, stage), inputs, [made]))
        names.add(name)
        tensor = made


def _attributes(node: gs.Node, stage: Stage) -> dict[str, object]:
    if stage.geometry is not None:
        return stage.geometry.attributes()
    return {"transB": 1} if node.op == "Gemm" else {}


def _stored(node: gs.Node, weight: Weights) -> Weights:
    """A MatMul has its weights on the right, (C, N)."""
    return weight.T if node.op == "MatMul" else weight
