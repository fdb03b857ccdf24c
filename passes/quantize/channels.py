"""Groups of tensors whose channels can be rescaled together without changing what the network computes.

Scaling channel c of a tensor by s_c > 0 passes through Relu, PRelu, LeakyRelu, pooling, sums and concatenations; the
layers that make the tensors take it up in their output channels, those that read them in their input channels (Nagel et
al., *Data-free quantization through weight equalization and bias correction*, 2019, section 4.1, there for single
pairs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.cost import Shape
from ..graph import constant_values, is_output
from ..layers import Layer

HOMOGENEOUS = frozenset({
    "Relu", "LeakyRelu", "PRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Identity", "Resize",
})  # fmt: skip
"""Operators f of one tensor with f(s x) = s f(x) for s > 0, channel by channel."""

_RANK = 4
_PRODUCT_RANK = 2
Indices = NDArray[np.intp]


@dataclass(slots=True)
class ChannelGroup:
    """Tensors whose channels are scaled together.

    Attributes:
        indices: the scale that each channel takes (C,), by tensor name.
        bounds: where a Clip cuts off the channels of a scale from above (S,); infinity without one.
        producers: layers that make some of the tensors.
        consumers: layers that read some.
    """

    indices: dict[str, Indices]
    bounds: NDArray[np.float64]
    producers: list[Layer] = field(default_factory=list)
    consumers: list[Layer] = field(default_factory=list)


def channel_groups(graph: gs.Graph, layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> Iterator[ChannelGroup]:
    """The groups of `graph` in which every tensor is made and read by `layers` or passes scales on."""
    by_node = {id(layer.node): layer for layer in layers}
    seen: set[int] = set()
    for layer in layers:
        start = layer.node.outputs[0]
        if id(start) not in seen:
            growth = _Growth(graph, by_node, shapes)
            group = growth.around(start)
            seen |= growth.indices.keys()
            if group is not None:
                yield group


class _Growth:
    """Grows a group from one tensor until scales leave it nowhere."""

    def __init__(self, graph: gs.Graph, by_node: Mapping[int, Layer], shapes: Mapping[str, Shape]) -> None:
        self._graph, self._by_node, self._shapes = graph, by_node, shapes
        self.indices: dict[int, Indices] = {}
        self._tensors: list[gs.Tensor] = []
        self._aliases: Indices = np.arange(0)
        self._bounds: list[tuple[gs.Tensor, float]] = []
        self._producers: dict[int, Layer] = {}
        self._consumers: dict[int, Layer] = {}

    def around(self, start: gs.Tensor) -> ChannelGroup | None:
        """The group around `start`; None if a scale would leak out of it."""
        sound, done = self._assign(start, self._fresh(start)), 0
        while done < len(self._tensors):
            tensor = self._tensors[done]
            done += 1
            sound &= len(tensor.inputs) == 1 and bool(tensor.outputs) and not is_output(self._graph, tensor)
            for node in (*tensor.inputs, *tensor.outputs):
                sound &= self._visit(node, tensor)
        return self._group() if sound and self._producers and self._consumers else None

    def _group(self) -> ChannelGroup:
        _, places = np.unique(self._aliases, return_inverse=True)
        indices = {tensor.name: places[self.indices[id(tensor)]] for tensor in self._tensors}
        bounds = np.full(places.max() + 1, np.inf)
        for tensor, bound in self._bounds:
            np.minimum.at(bounds, indices[tensor.name], bound)
        return ChannelGroup(indices, bounds, list(self._producers.values()), list(self._consumers.values()))

    def _channels(self, tensor: gs.Tensor) -> int | None:
        shape = self._shapes.get(tensor.name, ())
        return shape[1] if len(shape) > 1 else None

    def _fresh(self, tensor: gs.Tensor) -> Indices | None:
        """New scales for a tensor's channels; those it has already, if any."""
        if id(tensor) in self.indices:
            return self.indices[id(tensor)]
        count = self._channels(tensor)
        if count is None:
            return None
        begin = len(self._aliases)
        self._aliases = np.append(self._aliases, np.arange(begin, begin + count))
        return np.arange(begin, begin + count)

    def _assign(self, tensor: gs.Tensor, indices: Indices | None) -> bool:
        """Let a tensor's channels take these scales; False where that cannot be."""
        if indices is None or len(indices) != self._channels(tensor):
            return False
        if id(tensor) not in self.indices:
            self.indices[id(tensor)] = indices
            self._tensors.append(tensor)
            return True
        for one, other in zip(self._aliases[self.indices[id(tensor)]], self._aliases[indices], strict=True):
            self._aliases[self._aliases == other] = one
        return True

    def _visit(self, node: gs.Node, tensor: gs.Tensor) -> bool:
        """Take in a node beside a tensor of the group; False where it does not pass scales on."""
        layer = self._by_node.get(id(node))
        if layer is not None:
            (self._producers if tensor in node.outputs else self._consumers)[id(node)] = layer
            return (tensor in node.outputs or tensor is node.inputs[0]) and self._has_channels_second(layer, tensor)
        if node.op == "Concat":
            return self._concatenate(node)
        if node.op == "Add":
            return self._spread([*node.inputs, node.outputs[0]], tensor)
        if node.op == "Clip":
            bound = upper_bound(node)
            self._bounds.extend([] if bound is None else [(tensor, bound)])
            return bound is not None and self._spread([node.inputs[0], node.outputs[0]], tensor)
        passes = node.op in HOMOGENEOUS or _is_flatten(node)
        steady = all(isinstance(other, gs.Constant) or not other.name for other in node.inputs[1:])
        return passes and steady and len(node.outputs) == 1 and self._spread([node.inputs[0], node.outputs[0]], tensor)

    def _has_channels_second(self, layer: Layer, tensor: gs.Tensor) -> bool:
        """A product of more than two dimensions has its channels last."""
        return layer.is_conv or len(self._shapes.get(tensor.name, ())) == _PRODUCT_RANK

    def _spread(self, tensors: Sequence[gs.Tensor], tensor: gs.Tensor) -> bool:
        """Let all of `tensors` take the scales of one of them."""
        if any(isinstance(other, gs.Constant) for other in tensors):
            return False
        taken = [self._assign(other, self.indices[id(tensor)]) for other in tensors if other is not tensor]
        return all(taken)

    def _concatenate(self, node: gs.Node) -> bool:
        """A concatenation's output takes the scales of its inputs one after the other."""
        parts = [None if isinstance(tensor, gs.Constant) else self._fresh(tensor) for tensor in node.inputs]
        if node.attrs.get("axis") not in {1, 1 - _RANK} or any(part is None for part in parts):
            return False
        known = [part for part in parts if part is not None]
        inputs = [self._assign(tensor, part) for tensor, part in zip(node.inputs, known, strict=True)]
        return self._assign(node.outputs[0], np.concatenate(known)) and all(inputs)


def _is_flatten(node: gs.Node) -> bool:
    """Flatten after global pooling leaves channels where they are."""
    return bool(node.op == "Flatten" and node.inputs[0].inputs and node.inputs[0].inputs[0].op == "GlobalAveragePool")


def upper_bound(node: gs.Node) -> float | None:
    """The upper bound of a Clip from 0, as Relu6 is."""
    ends = [node.attrs.get("min"), node.attrs.get("max")]
    for index, tensor in enumerate(node.inputs[1:3]):
        values = constant_values(tensor) if tensor.name else None
        ends[index] = None if values is None or values.size != 1 else float(values.reshape(-1)[0])
    return float(ends[1]) if ends[0] == 0 and ends[1] is not None else None
