"""Opens the files of a net, whatever their format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import SourceError
from .caffemodel import read_caffemodel
from .message import Message
from .net import Layer
from .text import parse_text
from .weights import RandomWeights, StoredWeights, Weights


def read_net_message(path: Path) -> Message:
    """The NetParameter in a prototxt.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        return parse_text(content.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise SourceError(f"{path}: is no text; give the prototxt of the net") from None


def read_weights(path: Path | None, layers: Sequence[Layer], seed: int | None) -> Weights:
    """Where the parameters of `layers` come from: made up from a seed, or stored in a file.

    Raises:
        SourceError: the file cannot be read.
    """
    if seed is not None:
        return RandomWeights(seed)
    if path is None:
        return StoredWeights([], "", layers)
    return StoredWeights(read_caffemodel(path), str(path), layers)
