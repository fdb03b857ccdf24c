"""What stands behind a layer, and which layers can be fitted in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from .graph import is_output
from .layers import Layer


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands behind a layer.

    Attributes:
        relu: a Relu takes the layer's output, or its sum with the shortcut.
        shortcut: the tensor that is added to the layer's output, if there is one.
    """

    relu: bool
    shortcut: str | None


def surroundings(graph: gs.Graph, layer: Layer) -> Surroundings:
    """What stands behind `layer` in `graph`."""
    output = layer.node.outputs[0]
    if _is_relu(graph, output):
        return Surroundings(relu=True, shortcut=None)
    if len(output.outputs) == 1 and output.outputs[0].op == "Add" and not is_output(graph, output):
        addition = output.outputs[0]
        others = [tensor for tensor in addition.inputs if tensor is not output]
        if len(others) == 1 and others[0].inputs and not isinstance(others[0], gs.Constant):
            return Surroundings(relu=_is_relu(graph, addition.outputs[0]), shortcut=others[0].name)
    return Surroundings(relu=False, shortcut=None)


def _is_relu(graph: gs.Graph, tensor: gs.Tensor) -> bool:
    """Whether `tensor` goes into a Relu and nowhere else."""
    return (
        bool(tensor.outputs)
        and all(node.op in {"Relu", "Clip"} for node in tensor.outputs)
        and tensor not in graph.outputs
    )


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
