"""Where a layer's parameters come from: a weights file, or a seed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError
from .caffemodel import StoredLayer
from .net import Layer

Shape = tuple[int, ...]
Blobs = tuple[NDArray[np.generic] | None, ...]


class Weights(Protocol):
    """Parameters by layer and index."""

    def get(self, layer: Layer, index: int, shape: Shape, init: float | None) -> NDArray[np.float32]:
        """The blob as float32 of `shape`; see `LayerCall.weight`."""
        ...

    def count(self, layer: Layer) -> int | None:
        """How many blobs the layer has, None where they are made up."""
        ...


class StoredWeights:
    """The blobs of a weights file.

    Args:
        stored: its layers, in the order of the file.
        file: what to call the file in errors; '' says that none was given.
        layers: the net's layers.
    """

    def __init__(self, stored: Sequence[StoredLayer], file: str, layers: Sequence[Layer]) -> None:
        self._file = file
        self._blobs = _match(stored, layers)
        self._sharers: dict[str, list[tuple[Layer, int]]] = {}
        for layer in layers:
            for index, name in enumerate(layer.parameter_names):
                if name:
                    self._sharers.setdefault(name, []).append((layer, index))

    def count(self, layer: Layer) -> int:
        """How many blobs the layer has in the file."""
        return len(self._blobs.get(id(layer), ()))

    def get(self, layer: Layer, index: int, shape: Shape, init: float | None) -> NDArray[np.float32]:  # noqa: ARG002
        """The stored blob; of a parameter shared by name the one stored last, which is what Caffe loads.

        Raises:
            SourceError: it is missing, or of another shape.
        """
        if not self._file:
            raise SourceError(f"{layer}: needs weights of shape {shape}, but no weights file was given")
        name = layer.parameter_names[index] if index < len(layer.parameter_names) else ""
        for owner, position in [*reversed(self._sharers.get(name, [])), (layer, index)]:
            blobs = self._blobs.get(id(owner), ())
            found = blobs[position] if position < len(blobs) else None
            if found is not None:
                return self._checked(layer, index, found, shape, shared=bool(name))
        raise SourceError(
            f"{layer}: {self._file} holds {self.count(layer) or 'no'} blobs for it, but blob {index} of shape {shape} "
            "is expected; is it the caffemodel of this net?"
        )

    def _checked(
        self, layer: Layer, index: int, found: NDArray[np.generic], shape: Shape, *, shared: bool
    ) -> NDArray[np.float32]:
        permissive = shared and found.size == math.prod(shape)  # ParamSpec.share_mode PERMISSIVE reshapes
        if _significant(found.shape) != _significant(shape) and not permissive:
            raise SourceError(
                f"{layer}: blob {index} has shape {tuple(found.shape)} in {self._file}, but {shape} is expected"
            )
        return found.astype(np.float32, copy=False).reshape(shape)


def _match(stored: Sequence[StoredLayer], layers: Sequence[Layer]) -> dict[int, Blobs]:
    """The blobs of each layer by its identity: by name, by type where several of one name are stored, then in order."""
    by_name: dict[str, list[StoredLayer]] = {}
    for entry in stored:
        by_name.setdefault(entry.name, []).append(entry)
    seen: dict[tuple[str, str], int] = {}
    matched: dict[int, Blobs] = {}
    for layer in layers:
        candidates = by_name.get(layer.name, [])
        candidates = [entry for entry in candidates if entry.type == layer.type] or candidates
        occurrence = seen.get((layer.name, layer.type), 0)
        seen[layer.name, layer.type] = occurrence + 1
        if occurrence < len(candidates):
            matched[id(layer)] = candidates[occurrence].blobs
    return matched


_MAX_RANDOM = 2**28
"""Values in one made-up blob; VGG's largest has 2^27."""


class RandomWeights:
    """He initialisation: variance 2 / fan-in, a constant where the handler names one.

    The draws are uniform, which takes a quarter of the time of normal ones: VGG-16 has 138 million weights.

    Source: He et al., Delving Deep into Rectifiers, ICCV 2015.

    Args:
        seed: the same seed gives the same weights, layer by layer, whatever else the net holds.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def count(self, layer: Layer) -> None:  # noqa: ARG002
        """Unknown: as many as are asked for."""
        return

    def get(self, layer: Layer, index: int, shape: Shape, init: float | None) -> NDArray[np.float32]:
        """Fresh draws."""
        if math.prod(shape) > _MAX_RANDOM:
            raise SourceError(f"{layer}: blob {index} of shape {shape} is too large to be made up")
        if init is not None:
            return np.full(shape, init, np.float32)
        generator = np.random.default_rng([self._seed, zlib.crc32(layer.name.encode()), index])
        values = generator.random(shape, dtype=np.float32)
        values -= np.float32(0.5)
        values *= np.float32(math.sqrt(24 / max(1, math.prod(shape[1:]))))  # a uniform variable's variance is 1/12
        return values


def _significant(shape: Sequence[int]) -> list[int]:
    """Old files store (1, 1, 1, C) or (1, C, 1, 1) where (C,) is meant: axes of size 1 do not move any value."""
    return [size for size in shape if size != 1]
