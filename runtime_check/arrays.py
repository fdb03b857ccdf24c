"""Samples from `.npz` and `.npy` files, one at a time: a compressed array is never unpacked as a whole."""

from __future__ import annotations

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import DataError
from ..preprocessing import Preprocessing
from .images import SIZE, from_pixels, to_tensor
from .inputs import InputSpec
from .labels import Labels, check_labels

LABEL_NAMES = ("y", "labels", "label")
TARGET = "y: target"
"""What the rows of an array `y` of rank 3 and more are called among a sample's values; no input has such a name."""

IMAGE_NAMES = ("x", "data", "images", "image", "input")
"""Names that the only input's array may have besides the input's own."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What stands before an array's elements."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def sample_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize


class ArraySource:
    """Rows of the arrays in a file. Float arrays are input tensors, 8-bit ones images to be preprocessed.

    Args:
        path: the `.npz` or `.npy` file.
        inputs: what the model wants.
        preprocessing: of the image input.

    Raises:
        DataError: no such file, damaged, or without the arrays that the inputs need.
    """

    is_random = False

    def __init__(self, path: Path, inputs: Sequence[InputSpec], preprocessing: Preprocessing) -> None:
        if not path.is_file():
            raise DataError(f"{path}: no such file; give an .npz, an .npy, an image folder or a list of images")
        self.description = path.name
        self.skipped: dict[str, str] = {}
        self._path, self._preprocessing = path, preprocessing
        self._images = {spec.name for spec in inputs if spec.name == preprocessing.input and spec.dtype != np.uint8}
        headers = _headers(path)
        self._arrays = {spec.name: _array_for(spec, inputs, headers, path) for spec in inputs}
        given = next((name for name in LABEL_NAMES if name in headers and name not in self._arrays.values()), None)
        if given is not None and len(headers[given].shape) > 3:
            self._arrays[TARGET] = given
        self._headers = {name: headers[array] for name, array in self._arrays.items()}
        counts = {array: headers[array].shape[0] for array in self._arrays.values()}
        if len(set(counts.values())) > 1:
            raise DataError(f"{path}: the arrays have different numbers of samples: {counts}")
        self._count = next(iter(counts.values()))
        self.labels: Labels | None = (
            None if given in {None, self._arrays.get(TARGET)} else self._read_labels(str(given), headers)
        )

    def __len__(self) -> int:
        """Rows of the arrays."""
        return self._count

    def name(self, index: int) -> str:
        """What a sample is called in messages."""
        return f"{next(iter(self._arrays.values()))}[{index}]"

    def samples(self, indices: Sequence[int]) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """The rows at `indices` (ascending), each with its index."""
        with contextlib.ExitStack() as stack:
            readers = {
                name: _rows(stack.enter_context(_open(self._path, array)), self._headers[name], indices, self._path)
                for name, array in self._arrays.items()
            }
            for index in indices:
                sample: dict[str, NDArray[Any]] = {}
                for name, rows in readers.items():
                    sample |= self._as_input(name, next(rows))
                yield index, sample

    def _as_input(self, name: str, row: NDArray[Any]) -> dict[str, NDArray[Any]]:
        if name not in self._images or row.dtype != np.uint8 or row.ndim not in {2, 3}:
            return {name: row}
        image = from_pixels(_channels_last(row))
        return {name: to_tensor(image, self._preprocessing), SIZE: np.array(image.size[::-1])}

    def _read_labels(self, name: str, headers: dict[str, _Header]) -> Labels:
        if math.prod(headers[name].shape) > self._count:
            raise DataError(f"{self._path}: array '{name}' of shape {headers[name].shape} for {self._count} samples")
        with _open(self._path, name) as stream:
            header = _read_header(stream, self._path)
            values = np.frombuffer(stream.read(), header.dtype).reshape(header.shape)
        return check_labels(values, self._count, f"{self._path}: array '{name}'")


def _channels_last(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 3 and pixels.shape[2] not in {1, 3, 4} and pixels.shape[0] in {1, 3, 4}:
        return np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return pixels


def _array_for(spec: InputSpec, inputs: Sequence[InputSpec], headers: dict[str, _Header], path: Path) -> str:
    """The name of the array that feeds the input `spec`."""
    if path.suffix.lower() == ".npy":
        names = ("",) if len(inputs) == 1 else ()
    else:
        unlabelled = [name for name in headers if name not in LABEL_NAMES]
        alternatives = (*IMAGE_NAMES, *(unlabelled if len(unlabelled) == 1 else ())) if len(inputs) == 1 else ()
        names = (spec.name, *alternatives)
    found = next((name for name in names if name in headers), None)
    if found is None:
        raise DataError(
            f"{path}: no array for the input {spec}; it holds {', '.join(headers) or 'none'}. "
            f"Name the array '{spec.name}'" + (" or 'x'" if len(inputs) == 1 else "")
        )
    if not headers[found].shape:
        raise DataError(f"{path}: array '{found}' is a single number; give an array of shape (samples, ...)")
    return found


def _headers(path: Path) -> dict[str, _Header]:
    """By array name; that of an `.npy` is ''."""
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as stream:
                return {"": _sized_header(stream, path.stat().st_size, path)}
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            headers = {}
            for info in members:
                with archive.open(info) as stream:
                    headers[info.filename[:-4]] = _sized_header(stream, info.file_size, path)
            return headers
    except (zipfile.BadZipFile, OSError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: not a readable {path.suffix} file ({error}); was it cut short?") from error


def _sized_header(stream: IO[bytes], size: int, path: Path) -> _Header:
    header = _read_header(stream, path)
    if math.prod(header.shape) * header.dtype.itemsize > size - stream.tell():
        raise DataError(f"{path}: an array of shape {header.shape} is announced, but the file is too short for it")
    return header


def _read_header(stream: IO[bytes], path: Path) -> _Header:
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran_order, dtype = read(stream)
    except (ValueError, EOFError, SyntaxError) as error:
        raise DataError(f"{path}: holds no NumPy array ({error})") from error
    if dtype.hasobject or dtype.fields is not None:
        raise DataError(f"{path}: holds Python objects or records, not numbers; save plain arrays")
    if fortran_order and len(shape) > 1:
        raise DataError(f"{path}: an array is in Fortran order; save it with numpy.ascontiguousarray")
    return _Header(tuple(shape), dtype)


@contextlib.contextmanager
def _open(path: Path, array: str) -> Iterator[IO[bytes]]:
    if not array:
        with path.open("rb") as plain:
            yield plain
        return
    with zipfile.ZipFile(path) as archive, archive.open(f"{array}.npy") as stream:
        yield stream


def _rows(stream: IO[bytes], header: _Header, indices: Sequence[int], path: Path) -> Iterator[NDArray[Any]]:
    """The rows at `indices` (ascending); those between are skipped by seeking forwards."""
    _read_header(stream, path)
    position = 0
    for index in indices:
        stream.seek((index - position) * header.sample_bytes, 1)
        position = index + 1
        try:
            content = stream.read(header.sample_bytes)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DataError(f"{path}: damaged at sample {index} ({error})") from error
        if len(content) != header.sample_bytes:
            raise DataError(f"{path}: ends in the middle of sample {index}; was it cut short?")
        yield np.frombuffer(content, header.dtype).reshape(header.shape[1:])
