"""Files mapped into memory, and arrays that are views of them written to other files by the kernel alone.

A page that is touched costs a fault and stays in the process's memory. Weights that are written as they were read need
not be touched: `sendfile` copies them from file to file, in half the CPU time of writing them from the mapping.
"""

from __future__ import annotations

import mmap
import os
import weakref
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_SENDFILE_LIMIT = 2**30
"""Bytes per call; Linux takes no more than 2 GB."""


class MappedFile(mmap.mmap):
    """A file mapped for reading that knows its descriptor, which is closed with it."""

    descriptor: int


def map_file(path: Path) -> memoryview:
    """The bytes of the file `path`, mapped rather than read.

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        mapped = MappedFile(descriptor, 0, access=mmap.ACCESS_READ)
    except BaseException:
        os.close(descriptor)
        raise
    mapped.descriptor = descriptor
    weakref.finalize(mapped, os.close, descriptor)
    return memoryview(mapped)


def write_bytes(stream: BinaryIO, raw: NDArray[np.uint8]) -> None:
    """Write a one-dimensional array of bytes to an open file, by `sendfile` where it is a view of a mapped one.

    Raises:
        OSError: as any write.
    """
    file, offset = _mapping(raw)
    if file is None or not hasattr(os, "sendfile"):
        stream.write(raw.data)
        return
    stream.flush()
    sent = 0
    while sent < raw.size:
        try:
            count = os.sendfile(stream.fileno(), file.descriptor, offset + sent, min(raw.size - sent, _SENDFILE_LIMIT))
        except OSError:
            count = 0  # a kind of stream that the kernel does not send to
        if count == 0:
            stream.write(raw[sent:].data)
            return
        sent += count


def _mapping(array: NDArray[np.uint8]) -> tuple[MappedFile | None, int]:
    """The mapped file that holds the array, if any, and the array's offset in it."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    file = base.obj if isinstance(base, memoryview) else base
    if not isinstance(file, MappedFile):
        return None, 0
    start = np.frombuffer(file, np.uint8).__array_interface__["data"][0]
    return file, array.__array_interface__["data"][0] - start
