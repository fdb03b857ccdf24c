"""The tables of docs/converters.md, from the registries: `python -m planish.converter.tables docs/converters.md`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .caffe.registry import layer_types
from .mxnet.registry import operators

BEGIN, END = "<!-- tables made by planish.converter.tables: begin -->", "<!-- end -->"


def markdown() -> str:
    """Both tables."""
    caffe = [(f"`{kind.name}`", kind.summary, ", ".join(kind.options), kind.source) for kind in layer_types()]
    mxnet = [(f"`{entry.name}`", entry.summary, ", ".join(entry.aliases), entry.source) for entry in operators()]
    return (
        f"### Caffe: {len(caffe)} layer types\n\n{_table(('type', 'meaning', 'options', 'definition'), caffe)}\n"
        f"### MXNet: {len(mxnet)} operators\n\n{_table(('operator', 'meaning', 'aliases', 'definition'), mxnet)}"
    )


def updated(page: str) -> str:
    """`page` with the tables between its two marks made anew."""
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    return re.sub(pattern, lambda _: f"{BEGIN}\n\n{markdown()}\n{END}", page, flags=re.DOTALL)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main() -> None:
    """Bring the page named on the command line up to date."""
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
