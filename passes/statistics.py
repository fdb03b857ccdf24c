"""What calibration data says about each layer, gathered in one stream: second moments and responses, never activations.

For every layer a few output positions of each image are sampled, different ones for each image. Of the patches x that
the layer sees there, only E[x] and E[x x'] are kept, and of its responses y = W x + b the samples themselves, which are
small. Products are float32, sums float64. Layers whose moments would not fit the memory allowed are gathered in groups,
one stream each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..errors import DataError
from ..progress import track
from ..runtime_check.session import Feeds
from .cache import Cache, Entry, data_fingerprint, fingerprint, network_fingerprint
from .layers import Layer
from .sampling import Activations, patches, positions, responses

F32 = NDArray[np.float32]

Batches = Iterable[Feeds]
"""Calibration batches: inputs by name; iterated more than once, the same each time."""

_ROWS = 512
"""Patches that are collected before they are multiplied."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How calibration data is sampled.

    Attributes:
        samples: output positions per image and layer.
        seed: of their choice.
        memory: bytes that the moments gathered in one stream may take.
        cache: where what was learnt from the data is kept for other runs.
    """

    samples: int = 10
    seed: int = 0
    memory: int = 1 << 30
    cache: Cache | None = None

    def key(self, graph: gs.Graph, batches: Batches) -> str:
        """What all that is learnt from `batches` about `graph` depends on, as a hash."""
        return fingerprint(network_fingerprint(graph), data_fingerprint(batches), self.samples, self.seed)


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """What is known of one layer on the original network's own features.

    Attributes:
        gram: E[x x'] (G, D, D) of patches of D = C/G * kh * kw.
        mean: E[x] (G, D).
        responses: samples of y (S, N), image by image.
        count: S.
    """

    gram: F32
    mean: NDArray[np.float64]
    responses: F32
    count: int


Statistics = Mapping[str, LayerStatistics]
"""By layer name."""


def gather(graph: gs.Graph, layers: Sequence[Layer], batches: Batches, sampling: Sampling) -> Statistics:
    """Stream `batches` through `graph` and keep the statistics of `layers`; what the cache has is taken from there.

    Raises:
        DataError: there is no data, or a layer's input holds NaN or infinity.
    """
    cache = sampling.cache
    if cache is None:
        return _stream(graph, layers, batches, sampling)
    seen = sampling.key(graph, batches)
    keys = {layer.name: fingerprint("moments", seen, layer.name) for layer in layers}
    known = {name: _from_entry(entry) for name, key in keys.items() if (entry := cache.find(key)) is not None}
    missing = [layer for layer in layers if layer.name not in known]
    if missing:
        for name, gathered in _stream(graph, missing, batches, sampling).items():
            known[name] = gathered
            cache.keep(keys[name], _to_entry(gathered))
    return known


def _to_entry(known: LayerStatistics) -> Entry:
    arrays: dict[str, NDArray[Any]] = {"gram": known.gram, "mean": known.mean, "responses": known.responses}
    return Entry({"count": known.count}, arrays)


def _from_entry(entry: Entry) -> LayerStatistics:
    return LayerStatistics(**entry.arrays, count=int(entry.facts["count"]))


def _stream(graph: gs.Graph, layers: Sequence[Layer], batches: Batches, sampling: Sampling) -> Statistics:
    """Gather them in groups of layers, one stream each."""
    statistics: dict[str, LayerStatistics] = {}
    groups = list(_groups(layers, sampling.memory))
    for number, group in enumerate(groups, 1):
        title = "Gathering statistics" + (f" ({number} of {len(groups)})" if len(groups) > 1 else "")
        accumulators = {layer.name: _Accumulator(layer, sampling) for layer in group}
        activations = Activations(graph, [layer.node.inputs[0].name for layer in group])
        image = 0
        for feeds in track(batches, title):
            tensors = activations(feeds)
            for layer in group:
                accumulators[layer.name].add(tensors[layer.node.inputs[0].name], image)
            image += batch_size(feeds)
        if image == 0:
            raise DataError("the calibration data is empty; give --data at least one image")
        statistics.update({name: accumulator.finish() for name, accumulator in accumulators.items()})
    return statistics


def batch_size(feeds: Feeds) -> int:
    """Images in one batch."""
    return len(next(iter(feeds.values())))


def _groups(layers: Sequence[Layer], memory: int) -> Iterable[list[Layer]]:
    """Consecutive layers whose moments fit into `memory`; one layer at least."""
    group: list[Layer] = []
    taken = 0
    for layer in layers:
        needed = _moment_bytes(layer)
        if group and taken + needed > memory:
            yield group
            group, taken = [], 0
        group.append(layer)
        taken += needed
    if group:
        yield group


def _moment_bytes(layer: Layer) -> int:
    dimensions = int(np.prod(layer.kernel_shape))
    return 12 * layer.group * dimensions**2


class _Accumulator:
    """The running moments of one layer."""

    def __init__(self, layer: Layer, sampling: Sampling) -> None:
        dimensions = int(np.prod(layer.kernel_shape))
        self._layer, self._sampling = layer, sampling
        self._gram = np.zeros((layer.group, dimensions, dimensions))
        self._sum = np.zeros((layer.group, dimensions))
        self._pending: list[F32] = []
        self._responses: list[F32] = []
        self._count = 0

    def add(self, batch: F32, first_image: int) -> None:
        """Sample the images of one batch of the layer's input."""
        for offset, image in enumerate(batch):
            where = positions(self._layer, first_image + offset, self._sampling.samples, self._sampling.seed)
            sampled = patches(self._layer, image, where)
            if not np.isfinite(sampled).all():
                raise DataError(f"the input of layer '{self._layer.name}' holds NaN or infinity on calibration data")
            self._pending.append(sampled)
            self._responses.append(responses(self._layer, sampled))
        if sum(map(len, self._pending)) >= _ROWS:
            self._multiply()

    def _multiply(self) -> None:
        if not self._pending:
            return
        rows = np.concatenate(self._pending).transpose(1, 0, 2)
        self._pending.clear()
        self._gram += np.matmul(rows.transpose(0, 2, 1), rows)
        self._sum += rows.sum(axis=1, dtype=np.float64)
        self._count += rows.shape[1]

    def finish(self) -> LayerStatistics:
        """The means."""
        self._multiply()
        return LayerStatistics(
            gram=(self._gram / self._count).astype(np.float32),
            mean=self._sum / self._count,
            responses=np.concatenate(self._responses),
            count=self._count,
        )
