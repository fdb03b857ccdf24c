"""Groups of tensors whose channels can be rescaled together without changing what the network computes.

Scaling channel c of a tensor by s_c > 0 passes through Relu, PRelu, LeakyRelu, pooling and sums; the layers that make
the tensors take it up in their output channels, those that read them in their input channels (Nagel et al.,
*Data-free quantization through weight equalization and bias correction*, 2019, section 4.1, there for single pairs).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import onnx_graphsurgeon as gs

from ..graph import constant_values, is_output
from ..layers import Layer

HOMOGENEOUS = frozenset(
    {"Relu", "LeakyRelu", "PRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "Add", "Identity"}
)


@dataclass(slots=True)
class ChannelGroup:
    """Tensors whose channels are scaled alike.

    Attributes:
        tensors: their names.
        producers: layers that make them.
        consumers: layers that read them.
        bound: where a Clip cuts values off from above; None without one.
    """

    tensors: list[str] = field(default_factory=list)
    producers: list[Layer] = field(default_factory=list)
    consumers: list[Layer] = field(default_factory=list)
    bound: float | None = None


def channel_groups(graph: gs.Graph, layers: Sequence[Layer]) -> Iterator[ChannelGroup]:
    """The groups of `graph` in which every tensor is made and read by `layers` or passes scales on."""
    by_node = {id(layer.node): layer for layer in layers}
    seen: set[int] = set()
    for layer in layers:
        start = layer.node.outputs[0]
        if id(start) not in seen:
            group = _grow(graph, start, by_node, seen)
            if group is not None:
                yield group


def _grow(graph: gs.Graph, start: gs.Tensor, by_node: dict[int, Layer], seen: set[int]) -> ChannelGroup | None:
    """The group around `start`; None if a scale would leak out of it."""
    group, waiting, sound = ChannelGroup(), [start], True
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        group.tensors.append(tensor.name)
        sound &= len(tensor.inputs) == 1 and bool(tensor.outputs) and not is_output(graph, tensor)
        for node in tensor.inputs:
            sound &= _visit(group, node, by_node, waiting, makes=True)
        for node in tensor.outputs:
            sound &= _visit(group, node, by_node, waiting, makes=False)
    return group if sound and group.producers and group.consumers else None


def _visit(
    group: ChannelGroup, node: gs.Node, by_node: dict[int, Layer], waiting: list[gs.Tensor], *, makes: bool
) -> bool:
    """Take in a node beside a tensor of the group; False where it does not pass scales on."""
    if id(node) in by_node:
        side = group.producers if makes else group.consumers
        layer = by_node[id(node)]
        side.extend([layer] if all(layer is not other for other in side) else [])
        return True
    if node.op == "Clip":
        bound = upper_bound(node)
        if bound is None:
            return False
        group.bound = bound if group.bound is None else min(bound, group.bound)
    elif node.op not in HOMOGENEOUS or (node.op == "Add" and any(isinstance(t, gs.Constant) for t in node.inputs)):
        return _is_flatten(node, waiting)
    waiting.extend(tensor for tensor in (*node.inputs, *node.outputs) if not isinstance(tensor, gs.Constant))
    return True


def _is_flatten(node: gs.Node, waiting: list[gs.Tensor]) -> bool:
    """Flatten after global pooling leaves channels where they are."""
    pooled = node.op == "Flatten" and node.inputs[0].inputs and node.inputs[0].inputs[0].op == "GlobalAveragePool"
    if pooled:
        waiting.extend((*node.inputs, *node.outputs))
    return bool(pooled)


def upper_bound(node: gs.Node) -> float | None:
    """The upper bound of a Clip from 0, as Relu6 is."""
    ends = [node.attrs.get("min"), node.attrs.get("max")]
    for index, tensor in enumerate(node.inputs[1:3]):
        values = constant_values(tensor) if tensor.name else None
        ends[index] = None if values is None or values.size != 1 else float(values.reshape(-1)[0])
    return float(ends[1]) if ends[0] == 0 and ends[1] is not None else None
