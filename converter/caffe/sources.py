"""Opens the files of a net, whatever their format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ...errors import SourceError
from .binary_net import parse_binary
from .caffemodel import map_file, read_caffemodel
from .hdf5_weights import MAGIC, read_hdf5
from .message import Message
from .net import Layer
from .text import parse_text
from .weights import RandomWeights, StoredWeights, Weights

MAX_TEXT_BYTES = 2**26
"""Size of the largest prototxt; those of real nets stay below a megabyte."""

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""Bytes that text does not hold, and every binary net does."""


def read_net_message(path: Path) -> Message:
    """The NetParameter in a prototxt or in a binary net (a caffemodel is one).

    Raises:
        SourceError: it cannot be read.
    """
    view = map_file(path)
    text = _as_text(view)
    if text is not None:
        return parse_text(text, str(path))
    try:
        return parse_binary(view, str(path))
    except ValueError as error:
        raise SourceError(f"{path}: neither a prototxt nor a binary net ({error})") from error


def _as_text(view: memoryview) -> str | None:
    """The file as text, or None where it is none."""
    if len(view) > MAX_TEXT_BYTES or _CONTROL.search(view[:65536]):
        return None
    try:
        return bytes(view).decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def read_weights(path: Path | None, layers: Sequence[Layer], seed: int | None) -> Weights:
    """Where the parameters of `layers` come from: made up from a seed, or stored in a file.

    Raises:
        SourceError: the file cannot be read.
    """
    if seed is not None:
        return RandomWeights(seed)
    if path is None:
        return StoredWeights([], "", layers)
    view = map_file(path)
    stored = read_hdf5(path) if view[: len(MAGIC)] == MAGIC else read_caffemodel(path)
    return StoredWeights(stored, str(path), layers)
