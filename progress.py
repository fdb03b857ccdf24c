"""Progress bars for anything that may take more than a second."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def track(items: Iterable[_T], description: str, total: int | None = None) -> Iterator[_T]:
    """Yield `items` while a bar on standard error moves; silent where that is no terminal.

    Args:
        items: what is worked through.
        description: what is done to them, in a few words.
        total: how many there are, if `items` has no length.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes 50 ms to import, and most runs show no bar
    from rich.progress import track as rich_track  # noqa: PLC0415

    count = total if total is not None else len(items) if isinstance(items, Sequence) else None
    yield from rich_track(items, description, total=count, console=Console(stderr=True), transient=True)
