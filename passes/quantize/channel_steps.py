"""A step for every channel of what only float operators read.

An integer convolution writes one step for all channels, which those of small range pay for. Where an integer layer
reads them, equalization scales them alike as far as that layer's weights allow. Where float operators do, nothing
limits it: each filter is scaled so that its channel fills the grid, and the DequantizeLinear behind it, which there may
have a step per channel, scales back. It costs no time. In GoogLeNet the first convolution, whose small values LRN makes
large, made half of the noise of all activations together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.session import Feeds
from ..graph import first_free, unique_name
from ..layers import Layer
from .equalize import MOST, SUFFIX, rename, store
from .observe import channel_ranges
from .placement import MOVING, Placement, final_output

_WORTHWHILE = 0.7
"""Part of the noise, channels weighed alike, that may remain at most."""

_SLOPED = frozenset({"PRelu", "LeakyRelu"})
"""Steps around these are chosen to meet no ties, which steps per channel would (see `ties`)."""


def separate_channels(
    graph: gs.Graph, layers: Sequence[Layer], placement: Placement, images: Sequence[Feeds]
) -> list[str]:
    """Scale filters whose outputs only float operators read, and scale back behind them.

    Args:
        graph: changed in place; weights are replaced, never written to.
        layers: its layers.
        placement: of it.
        images: calibration batches.

    Returns:
        The names of the layers whose weights changed.
    """
    by_node = {id(layer.node): layer for layer in layers}
    found = ((by_node.get(id(node)), tensor) for node, tensor in _places(graph, placement))
    places = {tensor.name: (layer, tensor) for layer, tensor in found if layer is not None}
    if not places:
        return []
    changed = []
    for name, ranges in channel_ranges(graph, places, images).items():
        layer, tensor = places[name]
        factors = np.ones(len(ranges.reach), np.float32)
        alive = ranges.reach > 0
        factors[alive] = np.minimum(ranges.reach.max() / ranges.reach[alive], MOST)
        if alive.any() and np.mean(np.square(1 / factors[alive])) < _WORTHWHILE:
            _scale(graph, layer, tensor, factors)
            changed.append(layer.name)
    return changed


def _places(graph: gs.Graph, placement: Placement) -> Iterator[tuple[gs.Node, gs.Tensor]]:
    """The convolutions whose output, after its Relu, is rounded for float operators alone."""
    integer = {id(node) for node in (*placement.layers, *placement.operators)}
    for node in placement.layers:
        tensor = final_output(graph, node)
        read = any(id(reader) in integer for reader in tensor.outputs)
        bounded = tensor.inputs[0].op == "Clip" or any(reader.op in _SLOPED for reader in _readers(tensor))
        if node.op == "Conv" and not read and not bounded:
            yield node, tensor


def _readers(tensor: gs.Tensor) -> Iterator[gs.Node]:
    """What reads the tensor, or what reads what only moves its values."""
    for node in tensor.outputs:
        yield node
        if node.op in MOVING:
            yield from _readers(node.outputs[0])


def _scale(graph: gs.Graph, layer: Layer, tensor: gs.Tensor, factors: NDArray[np.float32]) -> None:
    bias = None if layer.bias is None else layer.bias * factors
    store(graph, layer, layer.weight * factors.reshape(-1, 1, 1, 1), bias)
    shape = [1, len(factors), *[1] * (layer.weight.ndim - 2)]
    back = gs.Constant(unique_name(graph, f"{tensor.name}_factors"), (1 / factors).reshape(shape))
    readers, name = list(tensor.outputs), tensor.name
    rename(graph, {id(one): one for one in (layer.node.outputs[0], tensor)}.values(), SUFFIX)
    restored = gs.Variable(name, np.float32, tensor.shape)
    for node in readers:
        node.inputs = [restored if other is tensor else other for other in node.inputs]
    taken = {node.name for node in graph.nodes}
    graph.nodes.append(gs.Node("Mul", first_free(f"{name}/Mul", taken), {}, [tensor, back], [restored]))
    graph.toposort()
