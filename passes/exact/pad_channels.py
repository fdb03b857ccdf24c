"""`pad_channels`: channels between convolutions, zero-padded to the runtime's block.

Proof sketch: filters of zeros give channels that are f(0) everywhere for what stands between (activations and pooling
per channel); the convolutions that read them have zeros as weights there, so the sums stay as they are. A depthwise
convolution between takes filters of zeros as well. An odd width throws a convolution out of the blocked layout, or
makes it read the plain one; the padded one computes more and is faster all the same.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values, is_output, unique_name
from ..targets import Work
from .edit import constant
from .rule import Rewrite, Rule, Scene

_POOLS = frozenset({"MaxPool", "AveragePool"})
_PER_CHANNEL = _POOLS | {"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Elu"}
_LEAST_GAIN = 0.02
"""Share of the convolutions' time that must be saved: predictions err by about as much."""


@dataclass(frozen=True, slots=True)
class _Reach:
    """Where the channels of a convolution go.

    Attributes:
        through: the nodes that they pass, depthwise convolutions among them.
        readers: the convolutions where they end.
    """

    through: list[gs.Node]
    readers: list[gs.Node]


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A dense Conv whose filters are no multiple of the block and whose channels end in dense Convs alone."""
    weight, block = constant_values(node.inputs[1]), scene.target.block
    if node.attrs.get("group", 1) != 1 or weight is None or weight.shape[0] % block == 0:
        return None
    reach = _Reach([], [])
    reason = _follow(scene.graph, node.outputs[0], reach)
    if reason:
        return reason
    filters = math.ceil(weight.shape[0] / block) * block
    gain_ms = _gain_ms(scene, node, reach, filters)
    if gain_ms is None:
        return "the sizes of its convolutions are not known"
    return Rewrite(
        f"{weight.shape[0]} filters padded to {filters}",
        lambda: _apply(scene.graph, node, reach, filters),
        gain_ms,
    )


def _follow(graph: gs.Graph, tensor: gs.Tensor, reach: _Reach) -> str | None:
    """Collect where the channels of `tensor` go; the reason if they get anywhere else than into convolutions."""
    if is_output(graph, tensor) or not tensor.outputs:
        return "its channels are an output of the graph"
    for reader in tensor.outputs:
        is_conv = reader.op == "Conv" and reader.inputs[0] is tensor
        weight = constant_values(reader.inputs[1]) if is_conv else None
        if weight is not None and reader.attrs.get("group", 1) == 1:
            if all(reader is not other for other in reach.readers):
                reach.readers.append(reader)
            continue
        depthwise = weight is not None and weight.shape[:2] == (reader.attrs["group"], 1) and _constant_bias(reader)
        if not depthwise and reader.op not in _PER_CHANNEL:
            return f"its channels go into {reader.name} ({reader.op})"
        if len(reader.outputs) > 1 or reader.inputs[0] is not tensor:
            return f"its channels go into {reader.name} ({reader.op})"
        reach.through.append(reader)
        reason = _follow(graph, reader.outputs[0], reach)
        if reason:
            return reason
    return None


def _constant_bias(node: gs.Node) -> bool:
    return len(node.inputs) < 3 or not node.inputs[2].name or constant_values(node.inputs[2]) is not None


def _gain_ms(scene: Scene, node: gs.Node, reach: _Reach, filters: int) -> float | None:
    """Milliseconds saved, less the least that is worth it; infinite where experience says so (docs/exact.md).

    Half a block or more is computed as a whole one anyway, also by the depthwise convolutions that follow, and then
    read in the plain layout. Pooling leaves the blocked layout at every odd width. For others the prediction decides,
    which knows that whole blocks may be computed by rows (`winograd`).
    """
    width, block = scene.channels(node.outputs[0]), scene.target.block
    if width is None:
        return None
    pooled = any(layer.op in _POOLS for layer in reach.through)
    narrow = block / 2 <= width < block and any(layer.op == "Conv" for layer in reach.through)
    if narrow or (pooled and width > block):
        return math.inf
    before = after = 0.0
    for layer in (node, *reach.through, *reach.readers):
        if layer.op != "Conv":
            continue
        work = scene.works.get(layer.name)
        if work is None or work.geometry is None:
            return None
        before += scene.target.final_ms(work)
        after += scene.target.final_ms(_padded(work, filters, is_reader=layer in reach.readers))
    return before * (1 - _LEAST_GAIN) - after


def _padded(work: Work, filters: int, *, is_reader: bool) -> Work:
    if is_reader:
        return dataclasses.replace(work, shape=(work.shape[0], filters, *work.shape[2:]))
    geometry = work.geometry
    if geometry is not None and work.is_depthwise:
        geometry = dataclasses.replace(geometry, group=filters)
    return dataclasses.replace(work, shape=(filters, *work.shape[1:]), geometry=geometry)


def _apply(graph: gs.Graph, node: gs.Node, reach: _Reach, filters: int) -> None:
    for layer in (node, *(other for other in reach.through if other.op == "Conv")):
        for index in range(1, len(layer.inputs)):
            values = constant_values(layer.inputs[index])
            if values is not None:
                layer.inputs[index] = constant(graph, layer.inputs[index].name, _with_zeros(values, 0, filters))
        if layer is not node:
            layer.attrs["group"] = filters
    for layer in reach.readers:
        values = constant_values(layer.inputs[1])
        if values is not None:
            layer.inputs[1] = constant(graph, layer.inputs[1].name, _with_zeros(values, 1, filters))
    for other in (node, *reach.through):  # under new names: what is known of the old ones' shapes is wrong now
        output = other.outputs[0]
        output.name = unique_name(graph, f"{output.name}.padded")
        output.shape = None


def _with_zeros(values: NDArray[np.generic], axis: int, size: int) -> NDArray[np.generic]:
    missing = list(values.shape)
    missing[axis] = size - missing[axis]
    return np.concatenate([values, np.zeros(missing, values.dtype)], axis=axis)


RULE = Rule("pad_channels", frozenset({"Conv"}), match, targets=frozenset({"onnxruntime"}), recounts=True)
