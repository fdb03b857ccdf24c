"""Big arrays written out piece by piece; where they are views of a mapped file, its pages come and go with the pieces.

A page that is touched costs a fault, and stays in the process's memory until the kernel needs it elsewhere. Asking for
the pages of a piece at once, and letting go of them when it is written, halves the time of a copy and keeps its memory
at one piece.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

PIECE = 4 * 2**20
"""Bytes of a piece; a multiple of every page size."""

_POPULATE_READ = 22
"""MADV_POPULATE_READ of Linux 5.14 and later, which `mmap` has no name for."""


def pieces(raw: NDArray[np.uint8]) -> Iterator[memoryview]:
    """The bytes of a one-dimensional array, in order."""
    file, offset = _mapping(raw)
    for start in range(0, raw.size, PIECE):
        stop = min(start + PIECE, raw.size)
        first = (offset + start) // mmap.PAGESIZE * mmap.PAGESIZE
        length = offset + stop - first
        _advise(file, _POPULATE_READ, first, length)
        yield raw[start:stop].data
        _advise(file, getattr(mmap, "MADV_DONTNEED", None), first, length)


def _mapping(array: NDArray[np.uint8]) -> tuple[mmap.mmap | None, int]:
    """The read-only mapping that holds the array, if any, and the array's offset in it."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    file = base.obj if isinstance(base, memoryview) else base
    if not isinstance(file, mmap.mmap) or array.flags.writeable:
        return None, 0
    start = np.frombuffer(file, np.uint8).__array_interface__["data"][0]
    return file, array.__array_interface__["data"][0] - start


def _advise(file: mmap.mmap | None, advice: int | None, start: int, length: int) -> None:
    if file is not None and advice is not None and hasattr(file, "madvise"):
        with contextlib.suppress(OSError):  # advice that this kernel does not know
            file.madvise(advice, start, length)
