"""What a pass learnt from calibration data, kept on disk under a hash of everything that it depends on.

A file is 8 bytes of length, a JSON header of that length (format, key, facts, and of every array its name, type and
shape), then the arrays' bytes, little-endian. Nothing in it is executed when it is read, sizes are checked against the
file's before memory is taken, and arrays are mapped rather than loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..errors import OutputError
from ..files import replacing
from ..mapped import write_bytes
from ..runtime_check.session import Feeds
from .graph import to_parts

FORMAT = 1
"""Raised whenever the meaning of an entry changes, so that older files are not read."""

SUFFIX = ".planish"

LIMIT = 2 << 30
"""Bytes that a folder may hold; beyond it, what was not used for longest goes."""

_LENGTH = 8
_MOST_HEADER = 1 << 26
_TYPES: Mapping[str, np.dtype[Any]] = {"<f4": np.dtype("<f4"), "<f8": np.dtype("<f8"), "<i8": np.dtype("<i8")}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept under one key.

    Attributes:
        facts: JSON values by name.
        arrays: by name; read-only maps of the file where they were read.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Cache:
    """Entries in one folder.

    Args:
        folder: where the files lie; made when the first is written.
        limit: bytes that they may take together.

    Attributes:
        notes: sentences for the user: which files were damaged, what could not be kept.
    """

    def __init__(self, folder: str | os.PathLike[str], limit: int = LIMIT) -> None:
        self.folder = Path(folder)
        self.notes: list[str] = []
        self._limit = limit
        self._used: set[Path] = set()

    def find(self, key: str) -> Entry | None:
        """What is kept under `key`; None where nothing is, or where the file is damaged or another's."""
        path = self._path(key)
        try:
            entry = _read(path, key)
            path.touch()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError) as error:
            self.notes.append(f"{path}: is not used and will be made anew ({error})")
            return None
        self._used.add(path)
        return entry

    def keep(self, key: str, entry: Entry) -> None:
        """Write `entry` under `key`, whole or not at all; a note says why where it cannot be."""
        path = self._path(key)
        size = sum(array.nbytes for array in entry.arrays.values())
        if size > self._limit:
            self.notes.append(f"{path}: is not kept, {size >> 20} MB are more than the cache may hold")
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(size)
            _write(path, key, entry)
        except (OSError, OutputError) as error:
            self.notes.append(f"{path}: is not kept ({error})")
            return
        self._used.add(path)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _make_room(self, size: int) -> None:
        """Remove what was not used for longest, and not in this run, until `size` bytes fit in."""
        files = {path: path.stat() for path in self.folder.glob(f"*{SUFFIX}")}
        total = sum(stat.st_size for stat in files.values()) + size
        for path in sorted(files.keys() - self._used, key=lambda path: files[path].st_mtime):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= files[path].st_size


def temporary_cache() -> Cache:
    """One whose folder goes with it."""
    folder = tempfile.mkdtemp(prefix="planish-cache-")
    cache = Cache(folder)
    weakref.finalize(cache, shutil.rmtree, folder, ignore_errors=True)
    return cache


def fingerprint(*facts: Any) -> str:
    """A key for what depends on these JSON values and on nothing else."""
    document = json.dumps([FORMAT, *facts], sort_keys=True)
    return hashlib.blake2b(document.encode(), digest_size=20).hexdigest()


def network_fingerprint(graph: gs.Graph) -> str:
    """A hash of a graph, its weights included."""
    parts = to_parts(graph)
    digest = hashlib.blake2b(parts.model.SerializeToString(deterministic=True), digest_size=20)
    for name, array in sorted(parts.tensors.items()):
        _add_array(digest, name, array)
    return digest.hexdigest()


def data_fingerprint(batches: Iterable[Feeds]) -> str:
    """A hash of all values of all batches."""
    digest = hashlib.blake2b(digest_size=20)
    for feeds in batches:
        for name, array in sorted(feeds.items()):
            _add_array(digest, name, array)
    return digest.hexdigest()


def _add_array(digest: Any, name: str, array: NDArray[Any]) -> None:
    digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _write(path: Path, key: str, entry: Entry) -> None:
    arrays = {name: _little(array) for name, array in entry.arrays.items()}
    kinds = [{"name": name, "type": a.dtype.str, "shape": a.shape} for name, a in arrays.items()]
    facts = {"planish_cache": FORMAT, "key": key, "facts": dict(entry.facts), "arrays": kinds}
    header = json.dumps({**facts, "crc32": _checksum(arrays.values())}).encode()
    header += b" " * (-(_LENGTH + len(header)) % 64)
    with replacing(path) as stream:
        stream.write(len(header).to_bytes(_LENGTH, "little"))
        stream.write(header)
        for array in arrays.values():
            write_bytes(stream, array.reshape(-1).view(np.uint8))


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _checksum(arrays: Iterable[NDArray[Any]]) -> int:
    total = 0
    for array in arrays:
        total = zlib.crc32(array.reshape(-1).view(np.uint8).data, total)
    return total


def _read(path: Path, key: str) -> Entry:
    """The entry of a file.

    Raises:
        OSError: the file cannot be read.
        ValueError, KeyError: it is not what `_write` made under `key`.
    """
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH), "little")
        if length > min(_MOST_HEADER, path.stat().st_size - _LENGTH):
            raise ValueError("it is cut short or no file of the cache")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict) or header.get("planish_cache") != FORMAT or header.get("key") != key:
        raise ValueError("it was kept for something else, or by another version")
    arrays = _map(path, _LENGTH + length, header["arrays"])
    if _checksum(arrays.values()) != header["crc32"]:
        raise ValueError("its checksum is wrong")
    return Entry(header["facts"], arrays)


def _map(path: Path, offset: int, kinds: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a file as read-only maps, whose sizes must be just the file's."""
    arrays: dict[str, NDArray[Any]] = {}
    sizes = []
    try:
        described = [(str(kind["name"]), _TYPES[kind["type"]], tuple(map(int, kind["shape"]))) for kind in kinds]
    except TypeError as error:
        raise ValueError("its header lists no arrays") from error
    for _, dtype, shape in described:
        if any(size < 1 for size in shape):
            raise ValueError(f"it has an array of shape {shape}")
        sizes.append(int(np.prod([dtype.itemsize, *shape], dtype=object)))
    if offset + sum(sizes) != path.stat().st_size:
        raise ValueError("its size is not what its header says")
    for (name, dtype, shape), size in zip(described, sizes, strict=True):
        arrays[name] = np.memmap(path, dtype, "r", offset, shape)
        offset += size
    return arrays
