"""Sampled patches: what a layer multiplies its weights with, at a few positions of each image."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..files import ModelParts
from ..runtime_check.session import Feeds, Session
from .exact import Exact, lrn, winograd
from .graph import to_parts
from .layers import Layer

F32 = NDArray[np.float32]

_VALUES_AT_A_TIME = 5 << 16
"""Input values in one part of a batch: two photos of 224 x 224 pixels. What the first layers of VGG-16 make of eight is
past every cache, where Winograd's algorithm gains nothing: 0.28 s an image in place of 0.20."""


class Activations:
    """Computes chosen tensors of a graph, and nothing that they do not depend on.

    Args:
        graph: the graph as it is now; later changes to it are not seen.
        tensors: names of the tensors.
        for_long: whether many images will be computed (see `quicken`).
    """

    def __init__(self, graph: gs.Graph, tensors: Iterable[str], *, for_long: bool = False) -> None:
        self.tensors = tuple(dict.fromkeys(tensors))
        inputs = {tensor.name for tensor in graph.inputs}
        wanted = [name for name in self.tensors if name not in inputs]
        parts = prefix(graph, wanted, for_long=for_long) if wanted else None
        self._session = None if parts is None else Session(parts, optimizations="all")

    def __call__(self, feeds: Feeds) -> dict[str, F32]:
        """The tensors for one batch, by name."""
        computed = {} if self._session is None else self._session.run(feeds)
        return {name: np.asarray(computed[name] if name in computed else feeds[name]) for name in self.tensors}


def prefix(graph: gs.Graph, outputs: Sequence[str], *, for_long: bool = False) -> ModelParts:
    """The model that computes the tensors `outputs` of `graph`, with all of the graph's inputs."""
    part = graph.copy()
    tensors = part.tensors()
    part.outputs = [tensors[name] for name in outputs]
    part.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=False).toposort()
    quicken(part, for_long=for_long)
    return to_parts(part)


def quicken(graph: gs.Graph, *, for_long: bool = False) -> None:
    """Rewrite exactly what makes onnxruntime slow and is no layer: on GoogLeNet more than half of the time.

    Args:
        graph: is rewritten in place.
        for_long: whether so many images will be computed that convolutions are worth rewriting, too, which takes as
            long as a few images do.
    """
    Exact(rules=(lrn.RULE, winograd.RULE) if for_long else (lrn.RULE,)).run(graph)


def portions(graph: gs.Graph, feeds: Feeds) -> Iterator[Feeds]:
    """A batch in parts that the caches of a processor hold; whole where the model fixes the size of a batch."""
    sizes = {array.shape[:1] for array in feeds.values()}
    values = sum(array.size for array in feeds.values())
    fixed = any(not tensor.shape or isinstance(tensor.shape[0], int) for tensor in graph.inputs)
    if fixed or len(sizes) > 1 or values <= _VALUES_AT_A_TIME:
        yield feeds
        return
    ((images,),) = sizes
    step = max(images * _VALUES_AT_A_TIME // values, 1)
    for begin in range(0, images, step):
        yield {name: array[begin : begin + step] for name, array in feeds.items()}


def positions(layer: Layer, image: int, samples: int, seed: int) -> NDArray[np.intp]:
    """(s, 2) output positions (row, column) of one image, different ones for each image; s is at most `samples`."""
    height, width = layer.output_size
    if samples >= height * width:
        return _drawn(height, width, height * width, None)
    return _drawn(height, width, samples, (seed, zlib.crc32(layer.name.encode()), image))


@lru_cache(maxsize=1 << 15)
def _drawn(height: int, width: int, samples: int, seeds: tuple[int, ...] | None) -> NDArray[np.intp]:
    """All positions, or some chosen at random: once for the original network, and again while it is fitted."""
    chosen = np.arange(samples)
    if seeds is not None:
        chosen = np.random.default_rng(seeds).choice(height * width, samples, replace=False)
    drawn = np.stack(np.divmod(chosen, width), axis=1)
    drawn.setflags(write=False)
    return drawn


def patches(layer: Layer, images: F32, where: Sequence[NDArray[np.intp]]) -> F32:
    """(S, G, C/G*kh*kw): the patches of some images that the layer sees at the output positions `where`.

    Args:
        layer: the layer.
        images: its input, (B, C, H, W) for a Conv, (B, ..., C) for a Gemm or MatMul.
        where: from `positions`, of each image.
    """
    if layer.geometry is None:
        flat = [image.reshape(-1, image.shape[-1])[places[:, 1]] for image, places in zip(images, where, strict=True)]
        return np.concatenate(flat)[:, None]
    geometry = layer.geometry
    origins = np.stack(where) * geometry.strides  # in the padded images
    spans = [d * (k - 1) + 1 for d, k in zip(geometry.dilations, geometry.kernel, strict=True)]
    padded = _padded(images, geometry.pads[:2], origins.max(axis=(0, 1)) + spans)
    channels, height, width = padded.shape[1:]
    rows, columns = (np.arange(k) * d for k, d in zip(geometry.kernel, geometry.dilations, strict=True))
    offsets = ((np.arange(channels)[:, None, None] * height + rows[:, None]) * width + columns).ravel()
    taken = np.empty((*origins.shape[:2], len(offsets)), np.float32)
    for image, places, into in zip(padded, origins, taken, strict=True):
        image.reshape(-1).take((places @ (width, 1))[:, None] + offsets, out=into, mode="clip")
    return taken.reshape(-1, geometry.group, len(offsets) // geometry.group)


def _padded(images: F32, before: tuple[int, int], sizes: NDArray[np.intp]) -> F32:
    """(B, C, H, W) images with so many zeros before the first row and column, and as many behind as `sizes` ask for."""
    height, width = np.maximum(sizes, np.add(images.shape[2:], before))
    padded = np.zeros((*images.shape[:2], height, width), np.float32)
    padded[:, :, before[0] : before[0] + images.shape[2], before[1] : before[1] + images.shape[3]] = images
    return padded


def responses(layer: Layer, sampled: F32) -> F32:
    """(s, N): the layer's output, bias included, for patches (s, G, C/G*kh*kw)."""
    kernels = layer.weight.reshape(layer.group, layer.filters // layer.group, -1)
    outputs: F32 = np.matmul(sampled.transpose(1, 0, 2), kernels.transpose(0, 2, 1)).transpose(1, 0, 2)
    flat = outputs.reshape(len(sampled), -1)
    return flat if layer.bias is None else flat + layer.bias


def values_at(layer: Layer, tensor: F32, where: NDArray[np.intp]) -> F32:
    """(s, N): one image (N, H, W) or (..., N) of a tensor shaped as the layer's output, at the positions `where`."""
    if layer.geometry is None:
        return tensor.reshape(-1, tensor.shape[-1])[where[:, 1]]
    return np.ascontiguousarray(tensor[:, where[:, 0], where[:, 1]].T)
