"""Wide fully connected layers: what each channel brings about, in the place of second moments of all inputs.

A layer of D inputs, C channels of many positions each, has a Gram matrix of D^2 numbers, which for VGG-16's 25088 take
gigabytes. Of its responses z_i that channel i alone brings about, C^2 moments are enough for LASSO and, with one factor
for each channel in the place of weights, for the other criteria and for errors: a bound from above, as the weights that
are fitted at last are free to do better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..layers import Layer
from ..sampling import Activations
from ..shrinkage import shrinkage
from ..statistics import Batches, Sampling, batch_size, sample_batch
from .channels import Atoms
from .quadratic import Quadratic

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_ROWS = 512
"""Samples that are multiplied at once."""

_OUTPUTS = 64
"""Outputs whose responses are held at once, for every sample and channel."""


@dataclass(frozen=True, slots=True)
class WideMoments:
    """What is known of a wide layer.

    Attributes:
        layer: the layer.
        roots: (U,) of the channels, ascending.
        channel: (D,) index among them of every input.
        gram: (U, U) E[z_i . z_j] about the means.
        mean: (D,) of the inputs.
        count: samples.
    """

    layer: Layer
    roots: Atoms
    channel: NDArray[np.intp]
    gram: F64
    mean: F64
    count: int

    @property
    def first(self) -> NDArray[np.intp]:
        """(U,) the first input of every channel."""
        first: NDArray[np.intp] = np.unique(self.channel, return_index=True)[1]
        return first

    def form(self, classes: NDArray[np.intp], weight: float) -> Quadratic:
        """What it costs to do without some of the channels, whose classes are (U,), one factor each for the others."""
        gram = self.gram.copy()
        gram[np.diag_indices_from(gram)] += shrinkage(gram, self.count) + np.finfo(np.float32).tiny
        kernel = np.ones((1, len(gram)))
        return Quadratic(gram, kernel, classes, 1, float(gram.sum()), weight)

    def scaled(self, factors: F64) -> F32:
        """The layer's weights (N, D), every channel times its factor (U,)."""
        weight: F32 = np.asarray(self.layer.weight) * factors[self.channel].astype(np.float32)
        return weight


def gather_wide(
    graph: gs.Graph, layers: Mapping[str, tuple[Layer, Atoms]], batches: Batches, sampling: Sampling
) -> dict[str, WideMoments]:
    """Stream the data through `graph` once more for its wide layers.

    Args:
        graph: the network.
        layers: by name, each with the root of every input's channel.
        batches: the data.
        sampling: how it is sampled.
    """
    if not layers:
        return {}
    running = {name: _Running(layer, roots) for name, (layer, roots) in layers.items()}
    activations = Activations(graph, [layer.node.inputs[0].name for layer, _ in layers.values()])
    image = 0
    for feeds in batches:
        tensors = activations(feeds)
        for name, (layer, _) in layers.items():
            running[name].add(sample_batch(layer, tensors[layer.node.inputs[0].name], image, sampling)[:, 0])
        image += batch_size(feeds)
    return {name: it.finish() for name, it in running.items()}


class _Running:
    """The moments of one layer while the data streams by."""

    def __init__(self, layer: Layer, roots: Atoms) -> None:
        self._layer = layer
        self._roots, self._channel = np.unique(roots, return_inverse=True)
        self._columns = [np.flatnonzero(self._channel == index) for index in range(len(self._roots))]
        self._gram = np.zeros((len(self._roots),) * 2)
        self._sum = np.zeros(layer.kernel_shape[0])
        self._pending: list[F32] = []
        self._count = 0

    def add(self, rows: F32) -> None:
        """Inputs (S, D)."""
        self._pending.append(rows)
        if sum(map(len, self._pending)) >= _ROWS:
            self._multiply()

    def _multiply(self) -> None:
        rows = np.concatenate(self._pending)
        self._pending.clear()
        for responses in self._responses(rows):
            self._gram += responses @ responses.T
        self._sum += rows.sum(axis=0, dtype=np.float64)
        self._count += len(rows)

    def _responses(self, rows: F32) -> Iterator[F32]:
        """For some outputs at a time, what each channel brings about: (U, S * outputs)."""
        for begin in range(0, self._layer.filters, _OUTPUTS):
            weight = np.asarray(self._layer.weight[begin : begin + _OUTPUTS])
            yield np.stack([(rows[:, columns] @ weight[:, columns].T).ravel() for columns in self._columns])

    def finish(self) -> WideMoments:
        """About the means."""
        if self._pending:
            self._multiply()
        mean = self._sum / self._count
        gram = self._gram / self._count
        for responses in self._responses(mean[None].astype(np.float32)):
            gram -= responses @ responses.T
        return WideMoments(self._layer, self._roots, self._channel, gram, mean, self._count)
