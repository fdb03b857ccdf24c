"""What calibration data says about each layer, gathered in one stream: second moments and responses, never activations.

For every layer a few output positions of each image are sampled, different ones for each image. Of the patches x that
the layer sees there, only E[x] and E[x x'] are kept, and of its responses y = W x + b the samples themselves, which are
small. Products are float32, their sums float64. Layers whose moments would not fit the memory allowed are gathered in
groups, one stream each. Patches wait to be multiplied until they take as much as their product, for most layers to the
end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
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
from .projection import Projection, is_wide, project
from .sampling import Activations, patches, portions, positions, responses

F32 = NDArray[np.float32]

Batches = Iterable[Feeds]
"""Calibration batches: inputs by name; iterated more than once, the same each time."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How calibration data is sampled.

    Attributes:
        samples: output positions per image and layer.
        seed: of their choice.
        memory: bytes that the moments gathered in one stream may take.
        cache: where what was learnt from the data is kept for other runs.
    """

    samples: int = 30
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
        per_image: how many of them each image gave.
        projection: of a wide layer, whose patches are then those of the projection, D = N.
    """

    gram: F32
    mean: NDArray[np.float64]
    responses: F32
    count: int
    per_image: int
    projection: Projection | None = None

    def seen(self, patches: F32) -> F32:
        """Patches (S, G, D) of the layer as these statistics are of."""
        return patches if self.projection is None else self.projection.apply(patches)


Statistics = Mapping[str, LayerStatistics]
"""By layer name."""


def gather(
    graph: gs.Graph, layers: Sequence[Layer], batches: Batches, sampling: Sampling, *, projected: bool = False
) -> Statistics:
    """Stream `batches` through `graph` and keep the statistics of `layers`; what the cache has is taken from there.

    Args:
        graph: the network.
        layers: of the network.
        batches: the data.
        sampling: how it is sampled.
        projected: whether wide layers are projected, for those who can do with the projection.

    Raises:
        DataError: there is no data, or a layer's input holds NaN or infinity.
    """
    cache = sampling.cache
    projections = {layer.name: project(layer) for layer in layers if projected and is_wide(layer)}
    if cache is None:
        return dict(_stream(graph, layers, projections, batches, sampling))
    seen = sampling.key(graph, batches)
    keys = {
        layer.name: fingerprint("moments by image", seen, layer.name, layer.name in projections) for layer in layers
    }
    known = {
        name: _from_entry(entry, projections.get(name))
        for name, key in keys.items()
        if (entry := cache.find(key)) is not None
    }
    missing = [layer for layer in layers if layer.name not in known]
    for name, gathered in _stream(graph, missing, projections, batches, sampling):
        cache.keep(keys[name], _to_entry(gathered))
        known[name] = gathered
    return known


def _to_entry(known: LayerStatistics) -> Entry:
    arrays: dict[str, NDArray[Any]] = {"gram": known.gram, "mean": known.mean, "responses": known.responses}
    return Entry({"count": known.count, "per_image": known.per_image}, arrays)


def _from_entry(entry: Entry, projection: Projection | None) -> LayerStatistics:
    count, per_image = int(entry.facts["count"]), int(entry.facts["per_image"])
    return LayerStatistics(**entry.arrays, count=count, per_image=per_image, projection=projection)


def _stream(
    graph: gs.Graph,
    layers: Sequence[Layer],
    projections: Mapping[str, Projection],
    batches: Batches,
    sampling: Sampling,
) -> Iterator[tuple[str, LayerStatistics]]:
    """Gather them in groups of layers, one stream each."""
    groups = list(_groups(layers, projections, _images(batches) if layers else None, sampling))
    for number, group in enumerate(groups, 1):
        title = "Gathering statistics" + (f" ({number} of {len(groups)})" if len(groups) > 1 else "")
        accumulators = {layer.name: _Accumulator(layer, projections.get(layer.name), sampling) for layer in group}
        activations = Activations(graph, [layer.node.inputs[0].name for layer in group], for_long=True)
        image = 0
        for feeds in (part for whole in track(batches, title) for part in portions(graph, whole)):
            tensors = activations(feeds)
            for layer in group:
                accumulators[layer.name].add(tensors[layer.node.inputs[0].name], image)
            image += batch_size(feeds)
        del activations
        if image == 0:
            raise DataError("the calibration data is empty; give --data at least one image")
        for layer in group:
            yield layer.name, accumulators.pop(layer.name).finish()


def batch_size(feeds: Feeds) -> int:
    """Images in one batch."""
    return len(next(iter(feeds.values())))


def sample_batch(layer: Layer, batch: F32, first_image: int, sampling: Sampling) -> F32:
    """Patches (S, G, D) of the images of one batch of the layer's input, the `first_image`th and those after it."""
    where = [positions(layer, first_image + image, sampling.samples, sampling.seed) for image in range(len(batch))]
    return patches(layer, batch, where)


def _images(batches: Batches) -> int | None:
    """How many there are at most; None where that is not known without reading them."""
    if not isinstance(batches, Sized):
        return None
    return len(batches) * max((batch_size(feeds) for feeds in itertools.islice(batches, 1)), default=0)


def _groups(
    layers: Sequence[Layer], projections: Mapping[str, Projection], images: int | None, sampling: Sampling
) -> Iterable[list[Layer]]:
    """Consecutive layers whose moments fit into the memory allowed; one layer at least."""
    group: list[Layer] = []
    taken = 0
    for layer in layers:
        samples = None if images is None else images * _per_image(layer, sampling)
        needed = _bytes_needed(_dimensions(layer, projections.get(layer.name)), samples) * layer.group
        if group and taken + needed > sampling.memory:
            yield group
            group, taken = [], 0
        group.append(layer)
        taken += needed
    if group:
        yield group


def _per_image(layer: Layer, sampling: Sampling) -> int:
    return min(sampling.samples, math.prod(layer.output_size))


def _dimensions(layer: Layer, projection: Projection | None) -> int:
    return int(np.prod(layer.kernel_shape)) if projection is None else layer.filters


def _bytes_needed(dimensions: int, samples: int | None) -> int:
    """Of one group of a layer: of its patches or their sum of products, and then of its mean."""
    patches = 8 * dimensions**2 if samples is None else 4 * dimensions * min(samples, 2 * dimensions)
    return max(patches, 4 * dimensions**2)


class _Accumulator:
    """The running moments of one layer."""

    def __init__(self, layer: Layer, projection: Projection | None, sampling: Sampling) -> None:
        self._layer, self._projection, self._sampling = layer, projection, sampling
        self._narrow = layer if projection is None else projection.narrow
        dimensions = _dimensions(layer, projection)
        self._shape = (layer.group, dimensions, dimensions)
        self._gram: NDArray[np.floating[Any]] | None = None
        self._sum = np.zeros(self._shape[:2])
        self._pending: list[F32] = []
        self._responses: list[F32] = []
        self._count = 0

    def add(self, batch: F32, first_image: int) -> None:
        """Sample the images of one batch of the layer's input."""
        sampled = sample_batch(self._layer, batch, first_image, self._sampling)
        if not np.isfinite(sampled).all():
            raise DataError(f"the input of layer '{self._layer.name}' holds NaN or infinity on calibration data")
        if self._projection is not None:
            sampled = self._projection.apply(sampled)
        self._pending.append(sampled)
        sums = np.ones(len(sampled), np.float32) @ sampled.reshape(len(sampled), -1)
        self._sum += sums.reshape(self._sum.shape)
        if sum(map(len, self._pending)) >= 2 * self._shape[1]:
            self._multiply()

    def _multiply(self) -> None:
        if not self._pending:
            return
        sampled = np.concatenate(self._pending)
        self._pending.clear()
        self._responses.append(responses(self._narrow, sampled))
        rows = sampled.transpose(1, 0, 2)
        product = np.matmul(rows.transpose(0, 2, 1), rows)
        if self._gram is None:
            self._gram = product
        else:
            into = self._gram if self._gram.dtype == np.float64 else None
            self._gram = np.add(self._gram, product, out=into, dtype=np.float64)
        self._count += rows.shape[1]

    def finish(self) -> LayerStatistics:
        """The means."""
        self._multiply()
        gram = np.zeros(self._shape) if self._gram is None else self._gram
        self._gram = None
        gram /= self._count
        return LayerStatistics(
            gram=gram.astype(np.float32, copy=False),
            mean=self._sum / self._count,
            responses=np.concatenate(self._responses),
            count=self._count,
            per_image=_per_image(self._layer, self._sampling),
            projection=self._projection,
        )
