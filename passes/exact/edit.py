"""Small edits of a graph that the rules are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values, detach, first_free, is_output, unique_name


def constant(graph: gs.Graph, name: str, values: NDArray[Any]) -> gs.Constant:
    """A new initializer, called `name` or nearly so."""
    return gs.Constant(unique_name(graph, name), np.ascontiguousarray(values).reshape(values.shape))


def scalar(graph: gs.Graph, name: str, value: float) -> gs.Constant:
    """A new float32 initializer of rank 0."""
    return constant(graph, name, np.asarray(value, np.float32))


def insert(
    graph: gs.Graph, anchor: gs.Node, op: str, inputs: Sequence[gs.Tensor], attrs: Mapping[str, Any] | None = None
) -> gs.Tensor:
    """The output of a new node that stands right before `anchor` and is called after it."""
    taken = {node.name for node in graph.nodes}
    name = first_free(f"{anchor.name}/{op}", taken)
    output = gs.Variable(unique_name(graph, name))
    node = gs.Node(op, name, dict(attrs or {}), list(inputs), [output])
    graph.nodes.insert(_position(graph, anchor), node)
    return output


def replace(
    graph: gs.Graph, node: gs.Node, op: str, inputs: Sequence[gs.Tensor], attrs: Mapping[str, Any] | None = None
) -> gs.Node:
    """Put a new node of the same name, with the same first output, in the place of `node`."""
    output = node.outputs[0]
    new = gs.Node(op, node.name, dict(attrs or {}), list(inputs))
    position = detach(graph, node)
    new.outputs = [output]
    graph.nodes.insert(position, new)
    return new


def bypass(graph: gs.Graph, node: gs.Node, source: gs.Tensor) -> None:
    """Take `node` out; whoever read its first output reads `source` instead. The names of graph outputs stay."""
    output = node.outputs[0]
    detach(graph, node)
    if is_output(graph, output):
        producer = source.inputs[0]
        producer.outputs[index_of(producer.outputs, source)] = output
        source, output = output, source
    redirect(output, source)


def joins_public_names(graph: gs.Graph, node: gs.Node, source: gs.Tensor) -> bool:
    """Whether `node` cannot be bypassed because it stands between two names of the graph's interface."""
    return is_output(graph, node.outputs[0]) and (not source.inputs or is_output(graph, source))


def redirect(old: gs.Tensor, new: gs.Tensor) -> None:
    """Whoever reads `old` reads `new` instead."""
    for consumer in list(old.outputs):
        for index, tensor in enumerate(list(consumer.inputs)):
            if tensor is old:
                consumer.inputs[index] = new


def sole_reader(graph: gs.Graph, tensor: gs.Tensor) -> gs.Node | None:
    """The one node that reads `tensor`, once; None if there are others or it is an output of the graph."""
    return tensor.outputs[0] if len(tensor.outputs) == 1 and not is_output(graph, tensor) else None


def reads_alone(graph: gs.Graph, node: gs.Node, tensor: gs.Tensor) -> bool:
    """Whether `node` is the one node that reads `tensor`."""
    return sole_reader(graph, tensor) is node


def producer(tensor: gs.Tensor, op: str) -> gs.Node | None:
    """The node that computes `tensor`, if it is an `op` and this its first output."""
    if len(tensor.inputs) == 1 and tensor.inputs[0].op == op and tensor.inputs[0].outputs[0] is tensor:
        return tensor.inputs[0]
    return None


def scalar_value(tensor: gs.Tensor) -> float | None:
    """The value of a constant of one element."""
    values = constant_values(tensor)
    return float(values.reshape(-1)[0]) if values is not None and values.size == 1 else None


def operand_and_constant(node: gs.Node) -> tuple[gs.Tensor, NDArray[Any]] | None:
    """The variable operand of a node with two inputs, and the values of the other, constant one."""
    if len(node.inputs) != 2:
        return None
    first, second = (constant_values(tensor) for tensor in node.inputs)
    if second is not None and first is None:
        return node.inputs[0], second
    if first is not None and second is None:
        return node.inputs[1], first
    return None


def index_of(tensors: Sequence[gs.Tensor], wanted: gs.Tensor) -> int:
    """The position of `wanted` itself, not of its equal."""
    return next(index for index, tensor in enumerate(tensors) if tensor is wanted)


def _position(graph: gs.Graph, node: gs.Node) -> int:
    return next(index for index, other in enumerate(graph.nodes) if other is node)
