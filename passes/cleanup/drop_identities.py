"""`drop_identities`: nodes that hand on their input unchanged at inference."""

from __future__ import annotations

from typing import ClassVar

import onnx_graphsurgeon as gs

from ..base import Pass, Result, register
from ..graph import constant_values, detach, is_output


@register
class DropIdentities(Pass):
    """*Given* Identity and Dropout nodes; *result*: their consumers read what they read.

    Declines a Dropout in training mode or whose mask is used, and an identity between a graph input (or another
    output) and a graph output, whose names must both stay.
    """

    name: ClassVar[str] = "drop_identities"
    exact: ClassVar[bool] = True

    def run(self, graph: gs.Graph) -> Result:
        """Bypass and remove them."""
        result = Result()
        for node in [node for node in graph.nodes if node.op in {"Identity", "Dropout"}]:
            reason = _declines(graph, node)
            if reason:
                result.skipped(node.name, reason)
            else:
                _bypass(graph, node)
                result.changed(node.name, f"{node.op} removed")
        return result


def _declines(graph: gs.Graph, node: gs.Node) -> str | None:
    if node.op == "Dropout":
        if len(node.outputs) > 1 and (node.outputs[1].outputs or is_output(graph, node.outputs[1])):
            return "the mask of the Dropout is used"
        training = constant_values(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2].name else False
        if training is None or training:
            return "the Dropout may be in training mode"
    source = node.inputs[0]
    if is_output(graph, node.outputs[0]) and (not source.inputs or is_output(graph, source)):
        return "it joins two names of the graph's interface"
    return None


def _bypass(graph: gs.Graph, node: gs.Node) -> None:
    source, output = node.inputs[0], node.outputs[0]
    detach(graph, node)
    if is_output(graph, output):
        producer = source.inputs[0]
        producer.outputs[_position(producer.outputs, source)] = output
        source, output = output, source
    for consumer in list(output.outputs):
        for index, tensor in enumerate(list(consumer.inputs)):
            if tensor is output:
                consumer.inputs[index] = source


def _position(tensors: list[gs.Tensor], wanted: gs.Tensor) -> int:
    return next(index for index, tensor in enumerate(tensors) if tensor is wanted)
