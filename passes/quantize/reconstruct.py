"""Fit the integer weights of a network to its layers' inputs on calibration data.

Weights are rounded by `rounding.reconstructed` on second moments of the layer's inputs x, and the bias takes up what is
left of the mean error (bias correction: Nagel et al., 2019, section 4.2, with measured means). Sequentially, layers are
fitted first to last: the inputs x' come from the network quantized so far, the targets W x + b from the float one, and
the weights to be rounded are W + W E[(x - x') x''] (E[x' x''] + rI)^-1, which make up for what was lost before (the
asymmetric reconstruction of `lowrank.fit`, in closed form).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
import scipy.linalg
from numpy.typing import NDArray

from ...progress import track
from ..layers import Layer
from ..sampling import Activations, patches, positions
from ..statistics import Batches, Sampling, batch_size
from .grid import weight_limit
from .rounding import nearest, reconstructed
from .ties import Steps
from .weights import IntegerWeights, layer_scales
from .write_qdq import dequantized_name, write_weights

F32 = NDArray[np.float32]

_RIDGE = 0.05
"""Of the regression on the quantized network's inputs, as a part of their mean square."""

_LEAST = 1e-12
_FLOOR = 1e-4
_ROWS = 512
"""Patches that are collected before they are multiplied."""


@dataclass(frozen=True, slots=True)
class Repairs:
    """What is done to make up for rounding; each can be switched.

    Attributes:
        rounding: round weights by reconstruction instead of each to the nearest.
        sequential: where much is lost, fit to what the network quantized so far feeds, not to the float network's
            tensors.
        bias: take up mean errors in the bias.
        clipped: search each filter's grid for the clipping of least error.
    """

    rounding: bool = True
    sequential: bool = True
    bias: bool = True
    clipped: bool = True

    @property
    def fits(self) -> bool:
        """Whether weights depend on calibration data."""
        return self.rounding or self.bias


FAST = Repairs(rounding=False, sequential=False, bias=False)
"""Nothing that needs to see calibration data a third time; clipping alone."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A layer to be fitted.

    Attributes:
        layer: in the float network.
        steps: of the grids around it; None for a layer that computes in float.
    """

    layer: Layer
    steps: Steps | None


@dataclass(frozen=True, slots=True)
class GroupMoments:
    """What one group of a layer receives.

    Attributes:
        covariance: of the quantized patches x' (D, D).
        crossed: covariance of the errors x - x' with x' (D, D); None where there are none, x' being x.
        mean: of x' (D,).
        shift: mean of x - x' (D,).
    """

    covariance: F32
    crossed: F32 | None
    mean: F32
    shift: F32


Writer = Callable[[gs.Graph, gs.Node, IntegerWeights, Steps | None], None]


class Moments:
    """First and second moments of a layer's quantized patches x', and of their errors x - x'.

    Args:
        layer: the layer.
        crossed: whether there are errors.
    """

    def __init__(self, layer: Layer, *, crossed: bool) -> None:
        dimensions = int(np.prod(layer.kernel_shape))
        shape = (layer.group, dimensions, dimensions)
        self._quantized = np.zeros(shape, np.float32)
        self._crossed = np.zeros(shape, np.float32) if crossed else None
        self._sums = np.zeros((2, layer.group, dimensions))
        self._pending: list[tuple[F32, F32]] = []
        self.count = 0

    def add(self, quantized: F32, original: F32) -> None:
        """Take in patches (s, G, D) of both networks at the same places."""
        self._pending.append((quantized, original))
        if sum(len(pair[0]) for pair in self._pending) >= _ROWS:
            self._multiply()

    def _multiply(self) -> None:
        if not self._pending:
            return
        quantized = np.concatenate([pair[0] for pair in self._pending]).transpose(1, 0, 2)
        self._quantized += np.matmul(quantized.transpose(0, 2, 1), quantized)
        self._sums[0] += quantized.sum(axis=1, dtype=np.float64)
        self.count += quantized.shape[1]
        if self._crossed is not None:
            errors = np.concatenate([pair[1] for pair in self._pending]).transpose(1, 0, 2) - quantized
            self._crossed += np.matmul(errors.transpose(0, 2, 1), quantized)
            self._sums[1] += errors.sum(axis=1, dtype=np.float64)
        self._pending.clear()

    def finish(self, group: int) -> GroupMoments:
        """The moments of one group, to be asked for once: they take the place of the sums."""
        self._multiply()
        mean, shift = (self._sums[:, group] / self.count).astype(np.float32)
        covariance = self._quantized[group]
        covariance /= np.float32(self.count)
        covariance -= np.outer(mean, mean)
        # What float32 leaves of a constant input must not make the matrix indefinite.
        covariance[np.diag_indices_from(covariance)] += _FLOOR * float(mean @ mean) / len(mean)
        if self._crossed is None:
            return GroupMoments(covariance, None, mean, shift)
        crossed = self._crossed[group]
        crossed /= np.float32(self.count)
        crossed -= np.outer(shift, mean)
        return GroupMoments(covariance, crossed, mean, shift)


def fit_weights(
    original: gs.Graph,
    quantized: gs.Graph,
    fits: Sequence[Fit],
    batches: Batches,
    *,
    sampling: Sampling,
    repairs: Repairs,
    sequential: bool,
    bits: int = 8,
    write: Writer = write_weights,
) -> None:
    """Write integer weights into `quantized`.

    Args:
        original: the float network.
        quantized: the network with its activations quantized; changed in place.
        fits: the layers, in graph order.
        batches: calibration data, streamed once for as many layers as `sampling.memory` holds the moments of;
            sequentially, once for every depth of the network.
        sampling: how it is sampled.
        repairs: what to do.
        sequential: whether layers are fitted to what the network quantized so far feeds them.
        bits: of the weights.
        write: puts a layer's integers into the graph.
    """
    nodes = {node.name: node for node in quantized.nodes}
    for wave in track(list(_waves(original, fits, sampling.memory, sequential=sequential)), "Rounding weights"):
        moments = _gather(original, quantized, wave, batches, sampling=sampling, sequential=sequential)
        for fit in wave:
            weights = _fit(fit, moments.pop(fit.layer.name), repairs, bits)
            write(quantized, nodes[fit.layer.name], weights, fit.steps)


def _waves(graph: gs.Graph, fits: Sequence[Fit], memory: int, *, sequential: bool) -> Iterator[list[Fit]]:
    """Layers whose moments fit into `memory`; they do not depend on each other if each makes up for earlier ones."""
    depths = _depths(graph, {fit.layer.name for fit in fits}) if sequential else {}
    wave: list[Fit] = []
    taken = 0
    for fit in sorted(fits, key=lambda fit: depths.get(fit.layer.name, 0)):
        needed = (8 if sequential else 4) * fit.layer.group * int(np.prod(fit.layer.kernel_shape)) ** 2
        deeper = wave and depths.get(fit.layer.name, 0) > depths.get(wave[0].layer.name, 0)
        if wave and (deeper or taken + needed > memory):
            yield wave
            wave, taken = [], 0
        wave.append(fit)
        taken += needed
    if wave:
        yield wave


def _depths(graph: gs.Graph, names: Container[str]) -> dict[str, int]:
    """How many of the named layers lie before each of them, on the longest path."""
    depth_of_tensor: dict[int, int] = {}
    depths: dict[str, int] = {}
    for node in graph.nodes:
        depth = max((depth_of_tensor.get(id(tensor), 0) for tensor in node.inputs), default=0)
        if node.name in names:
            depths[node.name] = depth
        for output in node.outputs:
            depth_of_tensor[id(output)] = depth + (node.name in names)
    return depths


def _gather(
    original: gs.Graph,
    quantized: gs.Graph,
    wave: Sequence[Fit],
    batches: Batches,
    *,
    sampling: Sampling,
    sequential: bool,
) -> dict[str, Moments]:
    names = {fit.layer.name: fit.layer.node.inputs[0].name for fit in wave}
    integer = {fit.layer.name for fit in wave if sequential and fit.steps is not None}
    seen = {name: dequantized_name(quantized, tensor) if name in integer else tensor for name, tensor in names.items()}
    float_network = Activations(original, names.values())
    integer_network = Activations(quantized, seen.values()) if sequential else None
    moments = {fit.layer.name: Moments(fit.layer, crossed=sequential) for fit in wave}
    image = 0
    for feeds in batches:
        wanted = float_network(feeds)
        given = wanted if integer_network is None else integer_network(feeds)
        for fit in wave:
            layer = fit.layer
            rows = range(image, image + batch_size(feeds))
            places = [positions(layer, row, sampling.samples, sampling.seed) for row in rows]
            _sample(moments[layer.name], layer, given[seen[layer.name]], wanted[names[layer.name]], places)
        image += batch_size(feeds)
    return moments


def _sample(moments: Moments, layer: Layer, given: F32, wanted: F32, places: Sequence[NDArray[np.intp]]) -> None:
    """Take in one batch of the layer's input in both networks, each image at its own places."""
    quantized = patches(layer, given, places)
    moments.add(quantized, quantized if wanted is given else patches(layer, wanted, places))


def _fit(fit: Fit, moments: Moments, repairs: Repairs, bits: int) -> IntegerWeights:
    """The integer weights of one layer, group by group."""
    layer, size = fit.layer, fit.layer.filters // fit.layer.group
    flat = layer.weight.reshape(layer.group, size, -1)
    known = [moments.finish(group) for group in range(layer.group)]
    wanted = np.stack([_regressed(weight, group) for weight, group in zip(flat, known, strict=True)])
    importance = np.repeat([np.diag(group.covariance) for group in known], size, axis=0)
    fitted = replace(layer, weight=wanted.reshape(layer.weight.shape))
    scales = layer_scales(fitted, fit.steps, bits=bits, clipped=repairs.clipped, importance=importance)
    steps = scales.reshape(layer.group, size)
    values = np.stack([_round(*one, repairs, bits) for one in zip(wanted, steps, known, strict=True)])
    bias: NDArray[Any] = np.zeros(layer.filters, np.float32) if layer.bias is None else layer.bias
    integers = values.reshape(layer.weight.shape)
    if repairs.bias:
        missing = [_missing(*one) for one in zip(flat, values, steps, known, strict=True)]
        return IntegerWeights(integers, scales, (bias + np.concatenate(missing)).astype(np.float32))
    return IntegerWeights(integers, scales, bias)


def _round(weight: F32, steps: F32, moments: GroupMoments, repairs: Repairs, bits: int) -> NDArray[np.int8]:
    if not repairs.rounding:
        return nearest(weight, steps, weight_limit(bits))
    return reconstructed(weight, steps, weight_limit(bits), moments.covariance)


def _missing(weight: F32, values: NDArray[np.int8], steps: F32, moments: GroupMoments) -> F32:
    """(N/G,): what the integer layer's mean output lacks."""
    wanted = weight @ (moments.mean + moments.shift)
    return np.asarray(wanted - (values * steps[:, None]) @ moments.mean, np.float32)


def _regressed(weight: F32, moments: GroupMoments) -> F32:
    """(N/G, D): the weights that on quantized inputs come closest to `weight` on the original ones."""
    if moments.crossed is None:
        return weight
    damped = moments.covariance.copy()
    damped[np.diag_indices_from(damped)] += _RIDGE * max(float(np.trace(damped)) / len(damped), _LEAST)
    factor = scipy.linalg.cho_factor(damped, overwrite_a=True, check_finite=False)
    correction: F32 = scipy.linalg.cho_solve(factor, (weight @ moments.crossed).T, check_finite=False).T
    return weight + correction
