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
from ..sampling import Activations
from .equalize import MOST, SUFFIX, rename, store
from .histogram import SAMPLES_PER_IMAGE
from .placement import MOVING, Placement, final_output

_WORTHWHILE = 0.4
"""Part of the squared error that may remain at most: a half of it gained nothing on the logits of small networks."""

_BINS = 256
_PER_OCTAVE = 4
_FIRST = -32
"""Bins of magnitudes begin at 2^-32, which stands for 0, and are a quarter of an octave wide."""

F32 = NDArray[np.float32]

_SLOPED = frozenset({"PRelu", "LeakyRelu"})
"""Steps around these are chosen to meet no ties, which steps per channel would (see `ties`)."""


def separate_channels(
    graph: gs.Graph, layers: Sequence[Layer], placement: Placement, images: Sequence[Feeds], bits: int = 8
) -> list[str]:
    """Scale filters whose outputs only float operators read, and scale back behind them.

    Args:
        graph: changed in place; weights are replaced, never written to.
        layers: its layers.
        placement: of it.
        images: calibration batches.
        bits: of activations.

    Returns:
        The names of the layers whose weights changed.
    """
    by_node = {id(layer.node): layer for layer in layers}
    found = ((by_node.get(id(node)), tensor) for node, tensor in _places(graph, placement))
    places = {tensor.name: (layer, tensor) for layer, tensor in found if layer is not None}
    if not places:
        return []
    observers = {name: _Magnitudes(layer.filters) for name, (layer, _) in places.items()}
    activations = Activations(graph, places)
    for feeds in images:
        for name, values in activations(feeds).items():
            observers[name].add(values)
    changed = []
    for name, (layer, tensor) in places.items():
        reach = observers[name].reach(bits)
        if reach is not None:
            factors = np.minimum(reach.max() / np.maximum(reach, reach.max() / MOST), MOST)
            _scale(graph, layer, tensor, factors)
            changed.append(layer.name)
    return changed


class _Magnitudes:
    """Histograms of the magnitudes of every channel of a tensor, in bins of equal ratio.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        self._counts = np.zeros((channels, _BINS), np.int64)
        self._span = np.zeros(channels, np.float32)

    def add(self, batch: F32) -> None:
        """Take in one batch (B, C, H, W); extremes from all of it, the rest from some."""
        flat = np.abs(batch.reshape(*batch.shape[:2], -1))
        self._span = np.maximum(self._span, flat.max(axis=2).max(axis=0))
        some = flat[:, :, :: max(1, flat[0].size // SAMPLES_PER_IMAGE) | 1]
        powers = np.log2(np.maximum(some, np.float32(2.0**_FIRST)))
        bins = np.minimum(((powers - _FIRST) * _PER_OCTAVE).astype(np.intp), _BINS - 1)
        bins += np.arange(len(self._span))[:, None] * _BINS
        self._counts += np.bincount(bins.reshape(-1), minlength=self._counts.size).reshape(self._counts.shape)

    def reach(self, bits: int) -> F32 | None:
        """(C,): where each channel's grid had best end; None where one end for all is nearly as good.

        Best is what makes the least squared error of clipping and rounding.
        """
        edges = 2.0 ** (_FIRST + (np.arange(_BINS) + 1) / _PER_OCTAVE)
        middles = edges * 2.0 ** (-0.5 / _PER_OCTAVE)
        beyond = np.maximum(middles[None, :] - edges[:, None], 0.0) ** 2  # (end, bin)
        counts = self._counts.copy()
        counts[:, 0] = 0  # zeros, which every grid holds
        errors = counts @ beyond.T + np.cumsum(counts, axis=1) * (edges / 2.0**bits) ** 2 / 12  # (C, end)
        if errors.min(axis=1).sum() > _WORTHWHILE * errors.sum(axis=0).min():
            return None
        ends: F32 = np.minimum(edges[np.argmin(errors, axis=1)], self._span).astype(np.float32)
        return ends


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
