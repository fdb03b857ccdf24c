"""Caffe's LMDB databases of Datum records (caffe.proto: channels 1, height 2, width 3, data 4, label 5, encoded 7).

Raw data is (channels, height, width), colours in OpenCV's order, blue first; encoded data is an image file.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import DataError, load_extra
from ..wire import fields, read_varint
from .images import BrokenImageError, from_pixels, read_image
from .labels import Labels, check_labels

_CHANNELS, _HEIGHT, _WIDTH, _DATA, _LABEL, _ENCODED = 1, 2, 3, 4, 5, 7


def is_lmdb(folder: Path) -> bool:
    """Whether a folder holds an LMDB database."""
    return (folder / "data.mdb").is_file()


class LmdbImages:
    """The records of a database in the order of their keys; they stay in the mapped file until they are read.

    Args:
        folder: with `data.mdb` in it.

    Raises:
        MissingExtraError: the package lmdb is not installed.
        DataError: no database, or records that are no Datum.
    """

    def __init__(self, folder: Path) -> None:
        lmdb = load_extra("lmdb", "lmdb", "reading LMDB databases")
        self.description = folder.name
        try:
            self._database: Any = lmdb.open(str(folder), readonly=True, lock=False, readahead=False, create=False)
            with self._database.begin(buffers=True) as transaction:
                entries = [(bytes(key), _parse(value, data=False).label) for key, value in transaction.cursor()]
        except lmdb.Error as error:
            raise DataError(f"{folder}: not a readable LMDB database ({error})") from error
        except ValueError as error:
            raise DataError(f"{folder}: holds records that are no Caffe Datum ({error})") from error
        self._keys = [key for key, _ in entries]
        found = [label for _, label in entries]
        self.labels: Labels | None = None
        if found and None not in found:
            self.labels = check_labels(np.array(found), len(found), str(folder))

    def __len__(self) -> int:
        """Records there are."""
        return len(self._keys)

    def name(self, index: int) -> str:
        """The record's key."""
        return self._keys[index].decode(errors="replace")

    def read(self, index: int) -> Image.Image:
        """Decode one record."""
        with self._database.begin(buffers=True) as transaction:
            datum = _parse(transaction.get(self._keys[index]), data=True)
        if datum.encoded:
            return read_image(io.BytesIO(datum.data), self.name(index))
        shape = (datum.channels, datum.height, datum.width)
        if datum.channels not in {1, 3} or len(datum.data) != np.prod(shape):
            raise BrokenImageError(
                f"{self.name(index)}: {len(datum.data)} bytes of data for {shape}; only 8-bit images of 1 or 3 "
                "channels can be read"
            )
        pixels = np.frombuffer(datum.data, np.uint8).reshape(shape).transpose(1, 2, 0)[..., ::-1]
        return from_pixels(np.ascontiguousarray(pixels))


@dataclass(frozen=True, slots=True)
class _Datum:
    channels: int
    height: int
    width: int
    label: int | None
    encoded: bool
    data: bytes


def _parse(record: memoryview, *, data: bool) -> _Datum:
    """Walk a record; the pixels are copied only if `data` is asked for."""
    numbers: dict[int, int] = {}
    pixels = b""
    for number, _, start, end in fields(record, 0, len(record)):
        if number == _DATA:
            pixels = bytes(record[start:end]) if data else b""
        elif number in {_CHANNELS, _HEIGHT, _WIDTH, _LABEL, _ENCODED}:
            numbers[number] = read_varint(record, start, end)[0]
    channels, height, width = (numbers.get(field, 0) for field in (_CHANNELS, _HEIGHT, _WIDTH))
    return _Datum(channels, height, width, numbers.get(_LABEL), bool(numbers.get(_ENCODED)), pixels)
