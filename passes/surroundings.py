"""What stands behind a layer, and which layers can be fitted in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from .graph import constant_values, is_output
from .layers import Layer

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands behind a layer.

    Attributes:
        slopes: (N,) what a rectifier multiplies negative values with that takes the layer's output, or its sum with the
            shortcut: 0 of a Relu; None where there is no rectifier.
        shortcut: the tensor that is added to the layer's output, if there is one.
    """

    slopes: F32 | None
    shortcut: str | None


def surroundings(graph: gs.Graph, layer: Layer) -> Surroundings:
    """What stands behind `layer` in `graph`."""
    output = layer.node.outputs[0]
    slopes = _slopes(graph, layer, output)
    if slopes is not None:
        return Surroundings(slopes, shortcut=None)
    if len(output.outputs) == 1 and output.outputs[0].op == "Add" and not is_output(graph, output):
        addition = output.outputs[0]
        others = [tensor for tensor in addition.inputs if tensor is not output]
        if len(others) == 1 and others[0].inputs and not isinstance(others[0], gs.Constant):
            return Surroundings(_slopes(graph, layer, addition.outputs[0]), shortcut=others[0].name)
    return Surroundings(slopes=None, shortcut=None)


def _slopes(graph: gs.Graph, layer: Layer, tensor: gs.Tensor) -> F32 | None:
    """(N,) of the rectifier that `tensor` goes into, if it goes nowhere else."""
    if tensor in graph.outputs:
        return None
    found = [slopes for node in tensor.outputs if (slopes := _slopes_of(node, 2 if layer.is_conv else 0)) is not None]
    alike = len(found) == len(tensor.outputs) and all(np.array_equal(slopes, found[0]) for slopes in found)
    if not found or not alike or found[0].size not in {1, layer.filters}:
        return None
    return np.broadcast_to(found[0], layer.filters)


def _slopes_of(node: gs.Node, spatial: int) -> F32 | None:
    """What a rectifier multiplies negative values with, (1,) or (N,); None of any other node.

    Args:
        node: that takes a tensor of channels.
        spatial: how many axes follow that of the channels.
    """
    if node.op == "Relu" or (node.op == "Clip" and _lower_bound(node) == 0):
        return np.zeros(1, np.float32)
    if node.op == "LeakyRelu":
        return np.full(1, node.attrs.get("alpha", 0.01), np.float32)
    slopes = constant_values(node.inputs[1]) if node.op == "PRelu" else None
    if slopes is None or (slopes.size > 1 and slopes.size != slopes.shape[-1 - spatial :][0]):
        return None
    return slopes.astype(np.float32).reshape(-1)


def _lower_bound(node: gs.Node) -> float | None:
    """Of a Clip, whose bounds were attributes before opset 11."""
    if len(node.inputs) < 2 or not node.inputs[1].name:
        lowest: float | None = node.attrs.get("min")
        return lowest
    bound = constant_values(node.inputs[1])
    return None if bound is None else float(bound)


def waves(graph: gs.Graph, layers: Sequence[Layer], bytes_of: Mapping[str, int], memory: int) -> Iterator[list[Layer]]:
    """Layers that do not depend on each other, in an order in which each comes after those it depends on.

    Args:
        graph: that the layers are of.
        layers: the layers.
        bytes_of: what each needs while it is fitted, by name.
        memory: what the layers of one wave may need together, unless it is one alone.
    """
    depths = _depths(graph, layers)
    for depth in sorted(set(depths.values())):
        wave: list[Layer] = []
        taken = 0
        for layer in layers:
            if depths[layer.name] != depth:
                continue
            if wave and taken + bytes_of[layer.name] > memory:
                yield wave
                wave, taken = [], 0
            wave.append(layer)
            taken += bytes_of[layer.name]
        yield wave


def _depths(graph: gs.Graph, layers: Sequence[Layer]) -> dict[str, int]:
    """How many layers stand, one behind the other, before each (a shortcut counts as standing before)."""
    names = {layer.name for layer in layers}
    reached: dict[int, int] = {}
    depths: dict[str, int] = {}
    for node in graph.nodes:
        depth = max((reached.get(id(tensor), 0) for tensor in node.inputs), default=0)
        if node.name in names:
            depths[node.name] = depth
            depth += 1
        for tensor in node.outputs:
            reached[id(tensor)] = depth
    for layer in layers:
        shortcut = surroundings(graph, layer).shortcut
        if shortcut is not None:
            addition = layer.node.outputs[0].outputs[0]
            ready = max(reached.get(id(t), 0) for t in addition.inputs if t.name == shortcut)
            depths[layer.name] = max(depths[layer.name], ready)
    return depths
