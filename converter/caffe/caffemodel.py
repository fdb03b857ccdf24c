"""Weights from a binary caffemodel: a walk over the mapped file that copies no float it need not.

Only names, types and blobs are taken. Field numbers from BVLC's caffe.proto; of the numbers above 140 forks mean
different things, so the net's structure never comes from here. Half-precision blobs are OpenCV's extension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ... import mapped, wire
from ...errors import SourceError

MAX_BLOBS = 200_000
"""Blobs in one file. ResNet-152 has some 1500; the limit bounds the memory that a damaged file can take."""

MAX_RANK = 32
"""Axes of a blob, as in Caffe."""

_NET_LAYERS_V1, _NET_LAYER = 2, 100
_LAYER_NAME, _LAYER_TYPE, _LAYER_BLOBS = 1, 2, 7
_V1_V0, _V1_NAME, _V1_BLOBS = 1, 4, 6
_V0_NAME, _V0_BLOBS = 1, 50
_BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLE, _BLOB_RAW_TYPE, _BLOB_RAW = 5, 7, 8, 10, 12
_LEGACY_DIMENSIONS = (1, 2, 3, 4)
_RAW_FLOAT16 = 2


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """What a weights file holds of one layer.

    Attributes:
        name: the layer's name.
        type: its type, or '' where the file does not say it in today's words.
        blobs: its parameters, views of the mapped file where that is possible; None stands for one that is shared
            and stored elsewhere.
    """

    name: str
    type: str
    blobs: tuple[NDArray[np.generic] | None, ...]


def read_caffemodel(path: Path) -> list[StoredLayer]:
    """The layers of a caffemodel that have weights, in the order of the file.

    Raises:
        SourceError: the file is no caffemodel, or is damaged.
    """
    view = map_file(path)
    try:
        return _read_layers(view)
    except (ValueError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path}: not a readable caffemodel ({error}); was it cut short, or is it another format?"
        ) from error


def map_file(path: Path) -> memoryview:
    """The bytes of a file, mapped rather than read.

    Raises:
        SourceError: there is no such file, or it is empty.
    """
    try:
        return mapped.map_file(path)
    except ValueError:
        raise SourceError(f"{path}: is empty; was the download broken off?") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error


def _read_layers(view: memoryview) -> list[StoredLayer]:
    layers: list[StoredLayer] = []
    count = entries = 0
    for number, _, start, end in wire.fields(view, 0, len(view)):
        if number not in (_NET_LAYER, _NET_LAYERS_V1):
            continue
        entries += 1
        layer = _read_layer(view, start, end) if number == _NET_LAYER else _read_v1_layer(view, start, end)
        count += len(layer.blobs)
        if count > MAX_BLOBS:
            raise ValueError(f"more than {MAX_BLOBS} blobs")
        if layer.blobs:
            layers.append(layer)
    if not entries:
        raise ValueError("it holds no layers")
    return layers


def _read_layer(view: memoryview, start: int, end: int) -> StoredLayer:
    name = kind = ""
    blobs: list[NDArray[np.generic]] = []
    for number, _, first, last in wire.fields(view, start, end):
        if number == _LAYER_NAME:
            name = _text(view, first, last)
        elif number == _LAYER_TYPE:
            kind = _text(view, first, last)
        elif number == _LAYER_BLOBS:
            blobs.append(read_blob(view, first, last, f"layer '{name}', blob {len(blobs)}"))
            if len(blobs) > MAX_BLOBS:
                raise ValueError(f"more than {MAX_BLOBS} blobs")
    return StoredLayer(name, kind, tuple(blobs))


def _read_v1_layer(view: memoryview, start: int, end: int) -> StoredLayer:
    """A V1 layer, or a V0 one, which stands inside a V1 layer."""
    name = ""
    blobs: list[NDArray[np.generic]] = []
    for number, _, first, last in wire.fields(view, start, end):
        if number == _V1_NAME:
            name = _text(view, first, last)
        elif number == _V1_BLOBS:
            blobs.append(read_blob(view, first, last, f"layer '{name}', blob {len(blobs)}"))
        elif number == _V1_V0:
            for inner, _, begin, stop in wire.fields(view, first, last):
                if inner == _V0_NAME:
                    name = _text(view, begin, stop)
                elif inner == _V0_BLOBS:
                    blobs.append(read_blob(view, begin, stop, f"layer '{name}', blob {len(blobs)}"))
        if len(blobs) > MAX_BLOBS:
            raise ValueError(f"more than {MAX_BLOBS} blobs")
    return StoredLayer(name, "", tuple(blobs))


def read_blob(view: memoryview, start: int, end: int, where: str) -> NDArray[np.generic]:
    """One BlobProto. Floats may be packed in any number of chunks, unpacked, doubles or half floats."""
    legacy: dict[int, int] = {}
    shape: list[int] | None = None
    values = {_BLOB_DATA: _Values("<f4"), _BLOB_DOUBLE: _Values("<f8"), _BLOB_RAW: _Values("<f2")}
    position = start
    while position < end:
        number, begin, first, position = next(wire.fields(view, position, end))
        if number in values:
            position = values[number].add(view, begin, first, position, end)
        elif number == _BLOB_SHAPE:
            shape = (shape or []) + _dimensions(view, first, position)
        elif number in _LEGACY_DIMENSIONS:
            legacy[number] = wire.read_varint(view, first, position)[0]
        elif number == _BLOB_RAW_TYPE and wire.read_varint(view, first, position)[0] != _RAW_FLOAT16:
            raise ValueError(f"{where}: raw data of a type other than half precision")
    data = next((kept.array() for kept in values.values() if kept.size), np.zeros(0, np.float32))
    if shape is None:
        shape = [legacy.get(number, 0) for number in _LEGACY_DIMENSIONS] if legacy else [data.size]
    if any(size < 0 or size >= 2**63 for size in shape) or math.prod(shape) != data.size:
        raise ValueError(f"{where}: its shape {tuple(shape)} does not fit its {data.size} values")
    return data.reshape(shape)


def _dimensions(view: memoryview, start: int, end: int) -> list[int]:
    """BlobShape: its dims may be packed or not."""
    sizes: list[int] = []
    for number, begin, first, last in wire.fields(view, start, end):
        position = first if number == 1 and view[begin] & 7 in (wire.VARINT, wire.BYTES) else last
        while position < last:
            size, position = wire.read_varint(view, position, last)
            sizes.append(size)
        if len(sizes) > MAX_RANK:  # a shape may come in any number of fields
            raise ValueError(f"a shape of more than {MAX_RANK} axes at byte {start}")
    return sizes


class _Values:
    """The values of one repeated field; those of a single packed chunk stay where they are."""

    def __init__(self, dtype: str) -> None:
        self._dtype = np.dtype(dtype)
        self._chunk: memoryview | None = None
        self._joined = bytearray()

    @property
    def size(self) -> int:
        """How many values there are."""
        held = len(self._joined) if self._chunk is None else len(self._chunk)
        return held // self._dtype.itemsize

    def add(self, view: memoryview, begin: int, first: int, last: int, end: int) -> int:
        """Take the field at `begin`, and where it is not packed all of its kind that follow; returns where they end."""
        width = self._dtype.itemsize
        if view[begin] & 7 == wire.BYTES:
            if (last - first) % width:
                raise ValueError(f"{last - first} bytes of {width}-byte values at byte {first}")
            self._append(view[first:last])
            return last
        if last - first != width or first - begin != 1:
            raise ValueError(f"a value of an unexpected kind at byte {begin}")
        record = np.dtype([("key", "u1"), ("value", self._dtype)])
        records = np.frombuffer(view, record, (end - begin) // record.itemsize, begin)
        others = np.flatnonzero(records["key"] != view[begin])
        run = records[: others[0] if others.size else None]
        self._append(memoryview(run["value"].tobytes()))
        return begin + run.nbytes

    def array(self) -> NDArray[np.generic]:
        """All values."""
        return np.frombuffer(self._joined if self._chunk is None else self._chunk, self._dtype)

    def _append(self, chunk: memoryview) -> None:
        if self._chunk is None and not self._joined:
            self._chunk = chunk
            return
        if self._chunk is not None:
            self._joined += self._chunk
            self._chunk = None
        self._joined += chunk


def _text(view: memoryview, start: int, end: int) -> str:
    return bytes(view[start:end]).decode("utf-8")
