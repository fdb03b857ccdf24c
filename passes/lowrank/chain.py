"""Put a chain of smaller layers where one layer stood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values, detach, first_free, unique_name
from ..layers import Layer
from .form import Chain, Stage, Weights


def apply_chain(graph: gs.Graph, layer: Layer, stages: Sequence[Stage], chain: Chain) -> None:
    """Replace the node of `layer`; the last stage takes over its output and has the bias."""
    node = layer.node
    tensor, bias, output = node.inputs[0], _bias(graph, layer, chain), node.outputs[0]
    position = detach(graph, node)
    names = {other.name for other in graph.nodes}
    made: list[gs.Node] = []
    for stage, weight in zip(stages, chain.weights, strict=True):
        name = first_free(f"{layer.name}{stage.suffix}", names)
        names.add(name)
        between = gs.Variable(unique_name(graph, f"{name}_out"), dtype=np.float32)
        if stage.operator is None:
            constant = gs.Constant(unique_name(graph, f"{name}.weight"), np.ascontiguousarray(_stored(node, weight)))
            made.append(gs.Node(node.op, name, _attributes(node, stage), [tensor, constant], [between]))
        else:
            made.append(gs.Node(stage.operator, name, {}, [tensor], [between]))
        graph.nodes.insert(position + len(made) - 1, made[-1])
        tensor = between
    if bias and node.op == "MatMul":  # which has no bias of its own
        made.append(gs.Node("Add", first_free(f"{layer.name}_bias", names), {}, [tensor, *bias], [output]))
        graph.nodes.insert(position + len(made) - 1, made[-1])
    else:
        made[-1].inputs.extend(bias)
        made[-1].outputs = [output]


def alone(graph: gs.Graph, layer: Layer) -> gs.Graph:
    """A network of nothing but one layer of `graph`, its tensors under their names."""
    node = layer.node
    source, output = gs.Variable(node.inputs[0].name, np.float32), gs.Variable(node.outputs[0].name, np.float32)
    constants = [gs.Constant(tensor.name, constant_values(tensor)) for tensor in node.inputs[1:] if tensor.name]
    copied = gs.Node(node.op, node.name, dict(node.attrs), [source, *constants], [output])
    return gs.Graph([copied], [source], [output], opset=graph.opset, ir_version=graph.ir_version)


def _bias(graph: gs.Graph, layer: Layer, chain: Chain) -> list[gs.Tensor]:
    """The input that holds the chain's bias: the layer's own where it did not change."""
    if chain.bias is layer.bias:
        return list(layer.node.inputs[2:3])
    return [gs.Constant(unique_name(graph, f"{layer.name}.bias"), chain.bias)]


def _attributes(node: gs.Node, stage: Stage) -> dict[str, object]:
    if stage.geometry is not None:
        return stage.geometry.attributes()
    return {"transB": 1} if node.op == "Gemm" else {}


def _stored(node: gs.Node, weight: Weights) -> Weights:
    """A MatMul has its weights on the right, (C, N)."""
    return weight.T if node.op == "MatMul" else weight
