"""Bias absorption: what a channel never falls below moves into the biases of the layers that read it.

Nagel et al., *Data-free quantization through weight equalization and bias correction*, 2019, section 4.1.3: for
y = W2 Relu(W1 x + b1) + b2 and c with Relu(W1 x + b1) >= c on the data, y = W2 Relu(W1 x + b1 - c) + b2 + W2 c, whose
activation needs a smaller grid. There c is guessed from BatchNormalization (mean less three standard deviations); here
it is the smallest value on calibration data. Zero padding is no c, so that readers must not pad.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import is_output
from ..layers import Layer
from .channels import upper_bound
from .equalize import ChannelRanges, rename, store

SUFFIX = "_absorbed"
"""Of the names of tensors whose values change."""

_WORTHWHILE = 0.05
"""Least part of the tensor's reach that some channel must give up."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a bias can be absorbed.

    Attributes:
        producer: the layer that makes the tensor.
        tensors: its output, and that of the activation behind it.
        readers: all that read the latter.
    """

    producer: Layer
    tensors: tuple[gs.Tensor, ...]
    readers: tuple[Layer, ...]


def absorb_biases(
    graph: gs.Graph, layers: Sequence[Layer], ranges: Mapping[str, ChannelRanges]
) -> tuple[list[Layer], dict[str, ChannelRanges]]:
    """Move constant parts of activations into later biases; `graph` computes the same on the calibration data.

    Args:
        graph: changed in place; weights are replaced, never written to.
        layers: its layers.
        ranges: of the tensors that layers read, by name.

    Returns:
        The layers as they are now, and the ranges as they are now, by the tensors' new names.
    """
    known = dict(ranges)
    biases = {layer.name: layer.bias for layer in layers}
    for place in _places(graph, layers):
        seen = known.get(place.tensors[-1].name)
        shift = None if seen is None else _shift(place, seen)
        if seen is None or shift is None:
            continue
        del known[place.tensors[-1].name]
        for layer, change in ((place.producer, -shift), *((one, _response(one, shift)) for one in place.readers)):
            biases[layer.name] = _sum(biases[layer.name], change)
        rename(graph, place.tensors, SUFFIX)
        known[place.tensors[-1].name] = seen.less(shift)
    now = [layer if biases[layer.name] is layer.bias else replace(layer, bias=biases[layer.name]) for layer in layers]
    for old, new in zip(layers, now, strict=True):
        if new is not old:
            store(graph, new, new.weight, new.bias)
    return now, known


def _places(graph: gs.Graph, layers: Sequence[Layer]) -> Iterator[_Place]:
    by_node = {id(layer.node): layer for layer in layers}
    for layer in layers:
        tensors = _activated(layer.node)
        readers = [by_node.get(id(node)) for node in tensors[-1].outputs]
        known = tuple(reader for reader in readers if reader is not None and _unpadded(reader))
        inside = not any(is_output(graph, tensor) for tensor in tensors)
        if inside and known and len(known) == len(readers) and layer.node.op != "MatMul":
            yield _Place(layer, tensors, known)


def _activated(node: gs.Node) -> tuple[gs.Tensor, ...]:
    """A layer's output, and what the Relu or Clip behind it makes of it."""
    output = node.outputs[0]
    follower = output.outputs[0] if len(output.outputs) == 1 else None
    if follower is not None and (follower.op == "Relu" or (follower.op == "Clip" and upper_bound(follower))):
        return (output, follower.outputs[0])
    return (output,)


def _unpadded(layer: Layer) -> bool:
    """Whether a shift of all its inputs is a shift of its outputs that a bias can make up for."""
    return layer.node.op == "Gemm" or (layer.geometry is not None and not any(layer.geometry.pads))


def _shift(place: _Place, seen: ChannelRanges) -> NDArray[np.float32] | None:
    """(C,): the smallest value of each channel, where it is above 0; None where that gains little or loses."""
    if len(seen.low) != place.producer.filters:
        return None
    shift = np.maximum(seen.low, 0.0)
    activation = place.tensors[-1].inputs[0]
    bound = upper_bound(activation) if activation.op == "Clip" else None
    if bound is not None:
        shift[seen.high >= bound] = 0.0  # the Clip would cut off elsewhere
    if shift.max(initial=0.0) <= _WORTHWHILE * seen.span.max(initial=0.0):
        return None
    return shift.astype(np.float32)


def _sum(bias: NDArray[np.float32] | None, change: NDArray[np.float32]) -> NDArray[np.float32]:
    return change if bias is None else bias + change


def _response(layer: Layer, shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,): what a layer makes of constant channels (C,)."""
    weight = layer.weight.reshape(layer.group, layer.filters // layer.group, layer.weight.shape[1], -1).sum(axis=3)
    response: NDArray[np.float32] = np.einsum("gnc,gc->gn", weight, shift.reshape(layer.group, -1)).reshape(-1)
    return response
