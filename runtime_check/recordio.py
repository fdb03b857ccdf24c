"""MXNet's image records: `.rec` files, with or without their `.idx`.

Layout (dmlc-core `recordio.h`, `python/mxnet/recordio.py`): each part is u32 magic 0xced7230a, u32 of which the upper
three bits say whether it is a whole record (0) or the first (1), a middle (2) or the last (3) part of one, and the
lower 29 its length; then the data, padded to four bytes. A record is split where it holds the magic number, which is
left out. An image record begins with u32 flag, f32 label, u64 id, u64 id2; `flag` more labels follow; then the image's
file.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import DataError
from .images import read_image
from .labels import Labels, check_labels

MAGIC = 0xCED7230A
WHOLE, FIRST, MIDDLE, LAST = range(4)

_PART = struct.Struct("<II")
_HEADER = struct.Struct("<IfQQ")
_LENGTH_BITS = 29
_LABEL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One record of a `.rec` file.

    Attributes:
        key: its key in the `.idx`; its number without one.
        labels: one or more.
        image: the bytes of an image file, say JPEG.
    """

    key: str
    labels: tuple[float, ...]
    image: bytes


class RecordImages:
    """The images of a `.rec` file, in its order, or in that of the `.idx` beside it.

    Args:
        path: the `.rec` file.

    Raises:
        DataError: it cannot be read, or is no RecordIO file.
    """

    def __init__(self, path: Path) -> None:
        self.description = path.name
        self._path, self._data = path, _mapped(path)
        self._places = _indexed_places(path.with_suffix(".idx"), len(self._data)) or self._scan()
        self._keys = list(self._places)
        found = [self._labels(key, self._first_part(place))[0] for key, place in self._places.items()]
        self.labels: Labels | None = None
        if found and all(len(labels) == 1 and labels[0] >= 0 and labels[0].is_integer() for labels in found):
            self.labels = check_labels(np.array([int(labels[0]) for labels in found]), len(found), str(path))

    def __len__(self) -> int:
        """Records there are."""
        return len(self._keys)

    def __iter__(self) -> Iterator[ImageRecord]:
        """The records, one after the other."""
        return map(self.record, range(len(self)))

    def name(self, index: int) -> str:
        """The record's key."""
        return self._keys[index]

    def record(self, index: int) -> ImageRecord:
        """One record; raises DataError where it is damaged."""
        key = self._keys[index]
        data, _ = self._read(self._places[key])
        labels, start = self._labels(key, data)
        return ImageRecord(key, labels, data[start:])

    def read(self, index: int) -> Image.Image:
        """Decode one image."""
        return read_image(io.BytesIO(self.record(index).image), self.name(index))

    def _labels(self, key: str, data: bytes) -> tuple[tuple[float, ...], int]:
        """The labels at the beginning of a record, and where its image begins."""
        if len(data) < _HEADER.size:
            raise DataError(f"{self._path}: record {key} of {len(data)} bytes is no image record")
        flag, label, _, _ = _HEADER.unpack_from(data)
        start = _HEADER.size + 4 * flag
        if start > len(data):
            raise DataError(f"{self._path}: record {key} announces {flag} labels in {len(data)} bytes")
        return tuple(np.frombuffer(data, "<f4", flag, _HEADER.size).tolist()) if flag else (label,), start

    def _first_part(self, position: int) -> bytes:
        """The first bytes of a record: enough for its labels, unless those hold the magic number."""
        kind, start, end = self._part(position)
        head = bytes(self._data[start : min(end, start + _LABEL_BYTES)])
        long_enough = kind == WHOLE and len(head) == _LABEL_BYTES
        enough = long_enough and _HEADER.size + 4 * _HEADER.unpack_from(head)[0] <= len(head)
        return head if enough else self._read(position)[0]

    def _scan(self) -> dict[str, int]:
        """Where the records begin, by their numbers."""
        places: dict[str, int] = {}
        position = 0
        while position < len(self._data):
            places[str(len(places))] = position
            position = self._read(position, skip=True)[1]
        return places

    def _read(self, position: int, *, skip: bool = False) -> tuple[bytes, int]:
        """The record that begins at `position`, and the place after it."""
        parts: list[bytes] = []
        while True:
            kind, start, end = self._part(position)
            if (kind in (WHOLE, FIRST)) == bool(parts):
                raise self._damaged(position, "parts of records out of order")
            parts.append(b"" if skip else self._data[start:end])
            position = end + -(end - start) % 4
            if kind in (WHOLE, LAST):
                return struct.pack("<I", MAGIC).join(parts), position

    def _part(self, position: int) -> tuple[int, int, int]:
        """Kind, start and end of the data of the part at `position`."""
        start = position + _PART.size
        if position < 0 or start > len(self._data):
            raise self._damaged(position, "the end of the file within a record")
        magic, word = _PART.unpack_from(self._data, position)
        end = start + (word & ((1 << _LENGTH_BITS) - 1))
        kind = word >> _LENGTH_BITS
        if magic != MAGIC or kind > LAST or end > len(self._data):
            raise self._damaged(position, "no record")
        return kind, start, end

    def _damaged(self, position: int, found: str) -> DataError:
        return DataError(f"{self._path}: byte {position}: found {found}; is it a RecordIO file, and whole?")


def _mapped(path: Path) -> mmap.mmap | bytes:
    try:
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the path of a .rec file") from error


def _indexed_places(path: Path, size: int) -> dict[str, int]:
    """Where the records begin, by the keys of the `.idx` (lines of key, tab, position); nothing without one."""
    if not path.is_file():
        return {}
    places: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        key, _, position = line.partition("\t")
        if not position.strip().isdecimal() or int(position) >= size or key in places:
            raise DataError(f"{path}:{number}: '{line[:60]}' is no key and position in the .rec file beside it")
        places[key] = int(position)
    return places
