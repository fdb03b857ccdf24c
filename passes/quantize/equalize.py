"""Cross-layer equalization: rescale channels so that one grid for a whole tensor serves all of them well.

A channel of small range wastes most of the grid; scaled up, it is rounded more finely, while the next layer's weights
for it shrink by as much and are rounded more coarsely. Nagel et al. (2019) balance the two ranges, s = sqrt(r2 / r1).
With one grid per filter the producer's weights do not suffer at all, so here the exponents are chosen for each group of
tensors by the noise that its readers are predicted to receive from activations and weights together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.cost import Shape
from ..graph import unique_name
from ..layers import Layer
from .channels import ChannelGroup, Indices, channel_groups

F64 = NDArray[np.float64]
Real = NDArray[np.floating[Any]]

EXPONENTS = np.linspace(0.0, 1.0, 9)
"""Candidates of a in s = range^-a: 0 leaves channels as they are, 1 gives all the same range."""

SUFFIX = "_equalized"
"""Of the names of tensors whose channels are rescaled."""

_TYPICAL = 6.0
"""Root mean squares that a channel is taken to reach: grids do not follow rare outliers further."""

_WORTHWHILE = 0.7
"""Part of the predicted noise that has to remain at most: predictions are rough, and coarser weights are certain."""

_SMALLEST = 1e-30
MOST = 1e4
"""Largest factor between two channels' scales."""

_GPTQ_GAIN = 0.3
"""What rounding by reconstruction leaves of the weights' noise, roughly."""


@dataclass(frozen=True, slots=True)
class ChannelRanges:
    """What calibration data says of one tensor's channels.

    Attributes:
        low: smallest value of each channel (C,).
        high: largest.
        power: mean square (C,).
        mean: mean (C,).
    """

    low: F64
    high: F64
    power: F64
    mean: F64

    @property
    def span(self) -> F64:
        """The largest magnitude of each channel (C,)."""
        return np.maximum(self.high, -self.low)

    @property
    def reach(self) -> F64:
        """The magnitude that a grid has to cover, outliers aside (C,)."""
        return np.minimum(self.span, _TYPICAL * np.sqrt(self.power))

    def less(self, shift: Real) -> ChannelRanges:
        """The ranges once `shift` (C,) is subtracted."""
        power = np.maximum(self.power - 2 * shift * self.mean + shift**2, 0.0)
        return ChannelRanges(self.low - shift, self.high - shift, power, self.mean - shift)


def equalize(
    graph: gs.Graph,
    layers: Sequence[Layer],
    ranges: Mapping[str, ChannelRanges],
    shapes: Mapping[str, Shape],
    bits: int = 8,
) -> list[str]:
    """Rescale channels in `graph`, whose function stays the same on the calibration data.

    Args:
        graph: changed in place; weights are replaced, never written to.
        layers: its layers; their weights are those before.
        ranges: of the tensors that layers read, by name.
        shapes: of all tensors.
        bits: of weights and activations.

    Returns:
        The names of the layers whose weights changed.
    """
    changed: dict[str, None] = {}
    weights: dict[str, Real] = {layer.name: layer.weight for layer in layers}
    biases = {layer.name: layer.bias for layer in layers}
    tensors = graph.tensors()
    for group in channel_groups(graph, layers, shapes):
        scales = _group_scales(group, weights, ranges, bits)
        if scales is None:
            continue
        for layer in group.producers:
            factor = scales[_made(group, layer)].astype(np.float32)
            weights[layer.name] = weights[layer.name] * factor.reshape(-1, *[1] * (layer.weight.ndim - 1))
            bias = biases[layer.name]
            biases[layer.name] = None if bias is None else bias * factor
        for layer in group.consumers:
            inverse = (1 / scales[_read(group, layer)]).astype(np.float32)
            weights[layer.name] = _per_input(layer, weights[layer.name], inverse)
        changed.update(dict.fromkeys(layer.name for layer in (*group.producers, *group.consumers)))
        rename(graph, [tensors[name] for name in group.indices], SUFFIX)
    for layer in layers:
        if layer.name in changed:
            store(graph, layer, weights[layer.name], biases[layer.name])
    return list(changed)


def rename(graph: gs.Graph, tensors: Iterable[gs.Tensor], suffix: str) -> None:
    """Give tensors whose values changed other names: what compares tensors of the same name must not meet them."""
    for tensor in tensors:
        tensor.name = unique_name(graph, tensor.name + suffix)


def store(graph: gs.Graph, layer: Layer, weight: Real, bias: Real | None) -> None:
    """Give a layer other weights, as new initializers in the layout that its node has."""
    node = layer.node
    transposed = node.op == "MatMul" or (node.op == "Gemm" and not node.attrs.get("transB", 0))
    node.inputs[1] = _constant(graph, f"{node.name}_weight", (weight.T if transposed else weight))
    if bias is not None:
        if len(node.inputs) > 2:
            node.inputs[2] = _constant(graph, f"{node.name}_bias", bias)
        else:
            node.inputs.append(_constant(graph, f"{node.name}_bias", bias))


def _constant(graph: gs.Graph, wanted: str, values: Real) -> gs.Constant:
    return gs.Constant(unique_name(graph, wanted), np.ascontiguousarray(values, dtype=np.float32))


def _group_scales(
    group: ChannelGroup, weights: Mapping[str, Real], ranges: Mapping[str, ChannelRanges], bits: int
) -> F64 | None:
    """The scales of a group (S,); None where leaving its channels alone is best."""
    readers = [(layer, ranges[name]) for layer in group.consumers if (name := layer.node.inputs[0].name) in ranges]
    span, reach = np.zeros((2, len(group.bounds)))
    for layer, received in readers:
        np.maximum.at(span, _read(group, layer), received.span)
        np.maximum.at(reach, _read(group, layer), received.reach)
    if len(readers) < len(group.consumers) or not span.any():
        return None
    most = np.maximum(1.0, group.bounds / np.maximum(span, _SMALLEST) * (1 - 1e-6))
    candidates = [np.minimum(_candidate(reach, exponent), most) for exponent in EXPONENTS]
    losses = [
        sum(_noise(one, weights[one.name], scales[_read(group, one)], received, bits) for one, received in readers)
        for scales in candidates
    ]
    best = int(np.argmin(losses))
    return candidates[best] if losses[best] < _WORTHWHILE * losses[0] else None


def _made(group: ChannelGroup, layer: Layer) -> Indices:
    """Which scales a layer's filters take (N,)."""
    return group.indices[layer.node.outputs[0].name]


def _read(group: ChannelGroup, layer: Layer) -> Indices:
    """Which scales the channels of a layer's input take (C,)."""
    return group.indices[layer.node.inputs[0].name]


def _candidate(reach: F64, exponent: float) -> F64:
    """Scales s = reach^-exponent, the largest channel's left as it is."""
    alive = reach > 0
    scales = np.ones_like(reach)
    scales[alive] = np.minimum((reach[alive] / reach.max()) ** -exponent, MOST)
    return scales


def _noise(layer: Layer, weight: Real, scale: F64, received: ChannelRanges, bits: int) -> float:
    """Predicted squared error of a reader's output over its own power, from rounding activations and weights."""
    per_channel = _by_channel(layer, weight)  # (G, N/G, C/G, taps)
    s = scale.reshape(layer.group, 1, -1, 1)
    levels = 2.0**bits - 1
    step = (scale * received.reach).max() / levels
    activations = step**2 / 12 * np.square(per_channel / s).sum()
    steps = np.abs(per_channel / s).max(axis=(2, 3)) * 2 / levels
    energy = (scale**2 * received.power).reshape(layer.group, -1).sum(axis=1) * per_channel.shape[3]
    rounding = (np.square(steps).sum(axis=1) / 12 * energy).sum() * _GPTQ_GAIN
    signal = (np.square(per_channel) * received.power.reshape(layer.group, 1, -1, 1)).sum()
    return float((activations + rounding) / max(signal, 1e-30))


def _by_channel(layer: Layer, weight: Real) -> Real:
    """(G, N/G, C/G, taps) of a layer's weights."""
    return weight.reshape(layer.group, layer.filters // layer.group, weight.shape[1], -1)


def _per_input(layer: Layer, weight: Real, factor: Real) -> Real:
    """The weights with every input channel's multiplied by its factor (C,)."""
    return (_by_channel(layer, weight) * factor.reshape(layer.group, 1, -1, 1)).reshape(weight.shape)
