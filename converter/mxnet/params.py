"""Reads MXNet's `.params` files: named lists of arrays, in every version there has been.

Layout (`src/ndarray/ndarray.cc`, NDArray::Save and Load), little endian: u64 magic 0x112, u64 reserved, u64 count, the
arrays; then u64 count of names, each u64 length and UTF-8 bytes. The arrays are views of the memory-mapped file.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError

LIST_MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
"""Magic numbers of an array; any other value is the number of dimensions of a V0 array."""

_STORAGE = {0: ("dense", 0), 1: ("row_sparse", 1), 2: ("csr", 2)}
"""Storage types and how many index arrays each has."""

_BFLOAT16 = 12
_TYPES = {
    **{0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8", 7: "?"},
    **{8: "<i2", 9: "<u2", 10: "<u4", 11: "<u8", _BFLOAT16: "<u2"},
}
"""NumPy types by mshadow's type flag; bfloat16 is read as its bits."""

_MOST_DIMENSIONS = 32

Array = NDArray[np.generic]


def read_params(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of a `.params` file by name, without the prefixes `arg:` and `aux:`.

    float32 and integer arrays are read-only views of the mapped file; float16, bfloat16 and float64 become float32.

    Raises:
        SourceError: there is no such file, it is damaged or cut short, holds sparse arrays or no names.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data: mmap.mmap | bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read ({error.strerror}); give the path of an MXNet .params file"
        ) from error
    return _Reader(data, str(path)).read()


def parse_params(data: bytes, where: str = "params") -> dict[str, Array]:
    """As `read_params`, from the file's bytes."""
    return _Reader(data, where).read()


@dataclass(slots=True)
class _Reader:
    """A position in the file; every read is checked against what is left."""

    data: mmap.mmap | bytes
    where: str
    position: int = field(default=0)

    def read(self) -> dict[str, Array]:
        magic, _ = self._take("QQ", "header")
        if magic != LIST_MAGIC:
            raise SourceError(
                f"{self.where}: is no MXNet .params file (it begins with {magic:#x}, not {LIST_MAGIC:#x}); "
                "give the file that save_checkpoint or HybridBlock.export wrote"
            )
        arrays = [self._array() for _ in range(self._count("arrays", 4))]
        names = [self._name() for _ in range(self._count("names", 8))]
        if len(names) != len(arrays):
            raise SourceError(
                f"{self.where}: holds {len(arrays)} arrays but {len(names)} names; save it as a dictionary, with "
                "mx.nd.save(path, {name: array})"
            )
        return self._by_name(names, arrays)

    def _by_name(self, names: Sequence[str], arrays: Sequence[Array | str]) -> dict[str, Array]:
        sparse = [f"'{name}' ({array})" for name, array in zip(names, arrays, strict=True) if isinstance(array, str)]
        if sparse:
            raise SourceError(
                f"{self.where}: sparse arrays cannot be read: {', '.join(sparse)}; "
                "convert them in MXNet with array.tostype('default') and save again"
            )
        result: dict[str, Array] = {}
        for name, array in zip(names, arrays, strict=True):
            bare = name.removeprefix("arg:").removeprefix("aux:")
            if bare in result:
                raise SourceError(f"{self.where}: holds the array '{bare}' twice; which one is meant?")
            if not isinstance(array, str):
                result[bare] = array
        return result

    def _array(self) -> Array | str:
        """One array, or the name of its sparse storage type."""
        (magic,) = self._take("I", "array")
        if magic not in (V1, V2, V3):
            return self._dense(self._sizes(magic, "I"), version=0)
        stored: tuple[int, ...] | None = ()
        storage, indices = "dense", 0
        if magic != V1:
            storage, indices = self._choose(_STORAGE, "storage type")
            stored = self._shape() if indices else ()
        shape = self._shape()
        if not indices:
            return self._dense(shape, version=magic)
        return self._skip_sparse(stored or (), storage, indices)

    def _dense(self, shape: tuple[int, ...] | None, version: int) -> Array:
        """What follows a shape: device, type flag, data. An array without a shape has nothing more."""
        if shape is None or (shape == () and version != V3):
            return np.zeros(0, np.float32)
        self._take("ii", "device")
        flag, kind = self._type()
        count = self._bytes(shape, kind.itemsize) // kind.itemsize
        array = np.frombuffer(self.data, kind, count, self.position).reshape(shape)
        self.position += array.nbytes
        return _as_float32(array, flag)

    def _skip_sparse(self, stored: tuple[int, ...], storage: str, indices: int) -> str:
        self._take("ii", "device")
        extents = [(stored, self._type()[1].itemsize)]
        for _ in range(indices):
            kind = self._type()[1]
            extents.append((self._shape() or (), kind.itemsize))
        for shape, itemsize in extents:
            self.position += self._bytes(shape, itemsize)
        return storage

    def _shape(self) -> tuple[int, ...] | None:
        """Dimensions; None where their number is -1, unknown."""
        (rank,) = self._take("i", "shape")
        return None if rank == -1 else self._sizes(rank, "q")

    def _sizes(self, rank: int, kind: str) -> tuple[int, ...]:
        if not 0 <= rank <= _MOST_DIMENSIONS:
            raise self._damaged(f"an array of {rank} dimensions")
        return self._take(f"{rank}{kind}", "shape")

    def _bytes(self, shape: Sequence[int], itemsize: int) -> int:
        """The bytes of an array, all of which the file still holds."""
        size = itemsize
        for extent in shape:
            size *= extent
            if extent < 0 or size > len(self.data):
                raise self._damaged(f"an array of shape {tuple(shape)}")
        if self.position + size > len(self.data):
            raise self._damaged(f"an array of {size} bytes")
        return size

    def _type(self) -> tuple[int, np.dtype[np.generic]]:
        (flag,) = self._take("i", "type")
        if flag not in _TYPES:
            raise self._damaged(f"type flag {flag}")
        return flag, np.dtype(_TYPES[flag])

    def _choose(self, table: dict[int, tuple[str, int]], what: str) -> tuple[str, int]:
        (key,) = self._take("i", what)
        if key not in table:
            raise self._damaged(f"{what} {key}")
        return table[key]

    def _count(self, what: str, least_bytes: int) -> int:
        """A number of things, each of which takes at least `least_bytes`."""
        (count,) = self._take("Q", f"number of {what}")
        if count * least_bytes > len(self.data) - self.position:
            raise self._damaged(f"{count} {what}")
        return int(count)

    def _name(self) -> str:
        (length,) = self._take("Q", "name")
        if self.position + length > len(self.data):
            raise self._damaged(f"a name of {length} bytes")
        text = bytes(self.data[self.position : self.position + length])
        self.position += length
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise self._damaged("a name that is not UTF-8") from error

    def _take(self, layout: str, what: str) -> tuple[int, ...]:
        packed = struct.Struct(f"<{layout}")
        if self.position + packed.size > len(self.data):
            raise SourceError(
                f"{self.where}: is cut short: it ends at byte {len(self.data)}, within the {what} that begins at byte "
                f"{self.position}; was it downloaded whole?"
            )
        values: tuple[int, ...] = packed.unpack_from(self.data, self.position)
        self.position += packed.size
        return values

    def _damaged(self, what: str) -> SourceError:
        return SourceError(
            f"{self.where}: is damaged: near byte {self.position} it announces {what}, of {len(self.data)} bytes in "
            "all; was it downloaded whole?"
        )


def _as_float32(array: Array, flag: int) -> Array:
    if flag == _BFLOAT16:
        widened: Array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return widened
    return array.astype(np.float32) if array.dtype in (np.float16, np.float64) else array
