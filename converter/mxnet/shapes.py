"""Sizes that may follow the batch, and the rules of MXNet's shape inference that many operators share.

While the batch is to stay dynamic, its size is `UNKNOWN_BATCH`, a prime larger than any real size. Whatever arithmetic
an operator does on its shapes (products, splits, windows), a size that is c times the prime stands for c times the
batch, and a size that is neither a multiple of it nor small is one that no ONNX shape can express: the converter then
starts again with a fixed batch. What goes into the model as a number is checked for it, so a graph that was finished
with the prime is right for every batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import prod

from ..onnx_builder import BATCH

Shape = tuple[int, ...]

UNKNOWN_BATCH = 2**61 - 1
_LARGEST_SIZE = 2**40


class BatchBoundError(Exception):
    """The graph can only be right for a fixed batch; `args[0]` says why. The driver starts again with one."""


def follows_batch(size: int) -> bool:
    """Whether a size depends on the dynamic batch."""
    return abs(size) > _LARGEST_SIZE


def batch_multiple(size: int) -> int:
    """How many times the batch a size is that follows it.

    Raises:
        BatchBoundError: it is no multiple.
    """
    factor, rest = divmod(size, UNKNOWN_BATCH)
    if rest or not 0 < factor < _LARGEST_SIZE:
        raise BatchBoundError("a size is no multiple of the batch")
    return factor


def check_static(sizes: Iterable[int], why: str) -> None:
    """Refuse sizes that follow the batch.

    Raises:
        BatchBoundError: one does.
    """
    if any(follows_batch(size) for size in sizes):
        raise BatchBoundError(why)


def symbolic(shape: Sequence[int]) -> list[int | str]:
    """The shape as it is declared in the model."""
    return [_symbol(batch_multiple(size)) if follows_batch(size) else size for size in shape]


def at_batch(shape: Sequence[int], batch: int) -> Shape:
    """The shape for an actual batch."""
    return tuple(batch_multiple(size) * batch if follows_batch(size) else size for size in shape)


def reshape_target(shape: Sequence[int]) -> list[int]:
    """The argument of ONNX Reshape that gives `shape`: the axis that follows the batch is -1.

    Raises:
        BatchBoundError: there are two such axes.
    """
    dynamic = [axis for axis, size in enumerate(shape) if follows_batch(size)]
    if len(dynamic) > 1 or (dynamic and 0 in shape):
        raise BatchBoundError("two axes of a reshape follow the batch")
    for axis in dynamic:
        batch_multiple(shape[axis])
    return [-1 if axis in dynamic else size for axis, size in enumerate(shape)]


def broadcast(*shapes: Shape) -> Shape | None:
    """NumPy's rule; None where the shapes do not fit."""
    rank = max(map(len, shapes))
    result: list[int] = []
    for sizes in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            return None
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def count(shape: Sequence[int]) -> int:
    """Number of elements."""
    return prod(shape)


def readable(text: str) -> str:
    """`text` with the stand-in for the batch, and its multiples, replaced by the symbol."""
    return re.sub(r"\d{16,}", lambda found: _describe(int(found[0])), text)


def _describe(size: int) -> str:
    factor = round(size / UNKNOWN_BATCH)
    rest = size - factor * UNKNOWN_BATCH
    whole = _symbol(factor) if factor else ""
    return whole if not rest else f"{whole}{rest:+d}" if not follows_batch(rest) else "a part of the batch"


def _symbol(factor: int) -> str:
    return BATCH if factor == 1 else f"{factor}*{BATCH}"
