"""Which nodes shall compute in integers, and which tensors are quantized for that.

The patterns are those that onnxruntime fuses: an integer node has a DequantizeLinear on every input and a
QuantizeLinear on its output, with a Relu or Clip in between at most; nodes that only move values keep the grid of their
input. The heads of a network stay float where that is cheap: 8-bit logits alone cap the fidelity at 41 to 45 dB.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values, is_output

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
MOVING = frozenset({
    "MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Slice", "DepthToSpace", "Resize",
})  # fmt: skip
"""Operators that only move or compare values; Resize with nearest neighbours."""

ARITHMETIC = frozenset({"Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu"})
"""Other operators with an integer kernel in onnxruntime."""

ABSORBED = frozenset({"Relu", "Clip"})
"""Activations that disappear in the QuantizeLinear behind them."""

RATIOS = frozenset({"Sqrt", "Pow", "Log", "Exp", "Reciprocal"})
"""Operators for which the relative error of small values counts, which a grid of even steps makes large."""

HEAD_SHARE = 0.01
"""Heads stay float while they are at most this part of the network's work."""

_BYTE_COST = 4
"""MACs in the time of reading one byte of weights: 260 GFLOP/s against 35 GB/s on one core."""

_LEAST_GROUP = 16
"""Channels that a group of a convolution reads, from which on integers are as fast as float numbers (onnxruntime 1.31,
one thread: with 4 of them 0.3 times as fast, with 16 0.8, with 32 1.6; depthwise with two filters a channel 0.1, with
one, for which there is a kernel of its own, 0.6 to 0.8)."""


@dataclass(slots=True)
class Placement:
    """What is to be quantized.

    Attributes:
        layers: Conv, Gemm and MatMul nodes that shall compute in integers, in graph order.
        operators: other nodes that shall.
        groups: name of every quantized tensor, and the tensor whose grid it shares (itself mostly).
        reasons: why a Conv, Gemm or MatMul stays float, by node name.
        answers: groups of what heads make: scores, whose largest values count.
    """

    layers: list[gs.Node] = field(default_factory=list)
    operators: list[gs.Node] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    answers: set[str] = field(default_factory=set)


def place(
    graph: gs.Graph, macs: Mapping[str, int], *, kept: Container[str] = (), quantize_outputs: bool = False
) -> Placement:
    """Decide the placement.

    Args:
        graph: in topological order, BatchNormalization folded.
        macs: of each node, by name.
        kept: names of layers that shall stay float.
        quantize_outputs: whether heads shall compute in integers too.
    """
    placement = Placement()
    heads = set() if quantize_outputs else _cheap_heads(graph, macs)
    for node in graph.nodes:
        if node.op not in WEIGHTED:
            continue
        reason = _declined(graph, node)
        if reason is None and node.name in kept:
            reason = "it is to stay float"
        if reason is None and node.name in heads:
            reason = "it makes the network's output, and costs little as it is"
        if reason is None:
            placement.layers.append(node)
        else:
            placement.reasons[node.name] = reason
    placement.operators = _operators(graph, placement.layers)
    _group(graph, placement)
    made = (final_output(graph, node).name for node in final_layers(graph.outputs))
    placement.answers = {placement.groups[name] for name in made if name in placement.groups}
    return placement


def final_output(graph: gs.Graph, node: gs.Node) -> gs.Tensor:
    """The node's output, or that of the activation which disappears in its QuantizeLinear."""
    output = node.outputs[0]
    if len(output.outputs) != 1 or is_output(graph, output) or node.op in MOVING | {"Concat"}:
        return output
    follower = output.outputs[0]
    return follower.outputs[0] if follower.op in ABSORBED and _bounded_below_by_zero(follower) else output


def data_inputs(node: gs.Node) -> list[gs.Tensor]:
    """The inputs that are activations of a node that computes in integers."""
    return list(node.inputs) if node.op in {"Add", "Mul", "Concat"} else [node.inputs[0]]


def _bounded_below_by_zero(node: gs.Node) -> bool:
    if node.op == "Relu":
        return True
    low = node.attrs.get("min")
    if low is None and len(node.inputs) > 1 and node.inputs[1].name:
        values = constant_values(node.inputs[1])
        low = None if values is None or values.size != 1 else float(values.reshape(-1)[0])
    return bool(low == 0)


def _declined(graph: gs.Graph, node: gs.Node) -> str | None:
    """Why a layer cannot compute in integers."""
    weight = constant_values(node.inputs[1])
    if weight is None:
        return "its weights are not constant"
    if isinstance(node.inputs[0], gs.Constant):
        return "its input is constant"
    if weight.dtype != np.float32:
        return f"its weights are {weight.dtype}, not float32"
    if len(node.inputs) > 2 and node.inputs[2].name and constant_values(node.inputs[2]) is None:
        return "its bias is not constant"
    if not np.isfinite(weight).all():
        return "its weights hold NaN or infinity"
    if is_output(graph, final_output(graph, node)) and node.op != "Gemm":
        return "its output is an output of the network, which stays float"
    powers = sorted({reader.op for reader in node.outputs[0].outputs} & RATIOS)
    if powers:
        return f"{powers[0]} of its output needs small values exactly, as in a normalization"
    return _slow_groups(node, weight.shape) or _declined_product(node, weight.shape)


def _slow_groups(node: gs.Node, shape: tuple[int, ...]) -> str | None:
    """Why a grouped convolution had better stay float: onnxruntime multiplies integers group by group."""
    groups = int(node.attrs.get("group", 1)) if node.op == "Conv" else 1
    if groups == 1 or shape[1] >= _LEAST_GROUP or (shape[1] == 1 and shape[0] == groups):
        return None
    return f"onnxruntime is slower in integers on groups that turn {shape[1]} channels into {shape[0] // groups}"


def _declined_product(node: gs.Node, shape: tuple[int, ...]) -> str | None:
    if node.op == "MatMul" and len(shape) != 2:
        return f"its weights have rank {len(shape)}"
    if node.op != "Gemm":
        return None
    if node.attrs.get("transA", 0) or node.attrs.get("alpha", 1.0) != 1.0 or node.attrs.get("beta", 1.0) != 1.0:
        return "it transposes its input or has an alpha or beta that is not 1"
    bias = constant_values(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2].name else None
    if bias is not None and bias.size != shape[0 if node.attrs.get("transB", 0) else 1]:
        return f"its bias of shape {bias.shape} is not one number per output"
    return None


def _cheap_heads(graph: gs.Graph, macs: Mapping[str, int]) -> set[str]:
    """The layers with no other layer behind them, if all of them together cost little."""
    work = {node.name: _work(node, macs) for node in graph.nodes if node.op in WEIGHTED}
    behind = final_layers(graph.outputs)
    heads = {node.name for node in behind}
    cost = sum(work[name] for name in heads)
    return heads if len(heads) < len(work) and cost <= HEAD_SHARE * sum(work.values()) else set()


def _work(node: gs.Node, macs: Mapping[str, int]) -> int:
    weight = constant_values(node.inputs[1])
    return macs.get(node.name, 0) + (0 if weight is None else _BYTE_COST * weight.nbytes)


def final_layers(tensors: Iterable[gs.Tensor]) -> list[gs.Node]:
    """The layers from which `tensors` are reached without passing another layer."""
    found: dict[int, gs.Node] = {}
    seen: set[int] = set()
    waiting = list(tensors)
    while waiting:
        tensor = waiting.pop()
        for node in tensor.inputs:
            if id(node) in seen:
                continue
            seen.add(id(node))
            if node.op in WEIGHTED:
                found[id(node)] = node
            else:
                waiting.extend(node.inputs)
    return list(found.values())


def _operators(graph: gs.Graph, layers: list[gs.Node]) -> list[gs.Node]:
    """The other nodes that lie between integer nodes on both sides."""
    candidates = [node for node in graph.nodes if _has_kernel(graph, node)]
    wanted = {id(layer.inputs[0]) for layer in layers}
    leading = []
    for node in reversed(candidates):
        if id(final_output(graph, node)) in wanted or any(id(output) in wanted for output in node.outputs):
            wanted.update(id(tensor) for tensor in data_inputs(node))
            leading.append(node)
    integer = {id(final_output(graph, layer)) for layer in layers}
    operators = []
    for node in reversed(leading):
        if any(id(tensor) in integer for tensor in data_inputs(node)):
            integer.add(id(final_output(graph, node)))
            operators.append(node)
    return operators


def _has_kernel(graph: gs.Graph, node: gs.Node) -> bool:
    if node.op not in MOVING | ARITHMETIC or is_output(graph, final_output(graph, node)):
        return False
    if node.op == "Resize" and node.attrs.get("mode", "nearest") != "nearest":
        return False
    if node.op == "MaxPool" and len(node.outputs) > 1:
        return False
    return not any(isinstance(tensor, gs.Constant) or not tensor.name for tensor in data_inputs(node))


def _group(graph: gs.Graph, placement: Placement) -> None:
    """Name the quantized tensors; the two sides of what moves values share one grid, and so do those of Concat.

    What a Gemm makes for no integer node stays float: its kernel, alone of all, needs no QuantizeLinear behind it.
    """
    groups = placement.groups
    read = {id(tensor) for node in (*placement.layers, *placement.operators) for tensor in data_inputs(node)}
    for node in placement.layers:
        _add(groups, node.inputs[0].name)
        if node.op != "Gemm" or id(final_output(graph, node)) in read:
            _add(groups, final_output(graph, node).name)
    for node in placement.operators:
        output = final_output(graph, node).name
        _add(groups, output)
        for tensor in data_inputs(node):
            _add(groups, tensor.name)
            if node.op in MOVING or (node.op == "Concat" and len(tensor.outputs) == 1):
                _join(groups, tensor.name, output)


def _add(groups: dict[str, str], name: str) -> None:
    groups.setdefault(name, name)


def _join(groups: dict[str, str], one: str, other: str) -> None:
    old, new = groups[one], groups[other]
    for name, group in groups.items():
        if group == old:
            groups[name] = new
