"""The files of a checkpoint: PREFIX-symbol.json and PREFIX-NNNN.params."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import SourceError


def checkpoint_files(prefix: str, epoch: int | None) -> tuple[Path, Path]:
    """Symbol and params of a checkpoint, as `save_checkpoint` and `HybridBlock.export` name them.

    Args:
        prefix: path without `-symbol.json`; that ending, and that of a params file, may be there.
        epoch: the number in the params file's name; None takes the only or the last one.

    Raises:
        SourceError: a file is not there.
    """
    stem = Path(re.sub(r"-(symbol\.json|\d{4,}\.params)$", "", prefix))
    symbol = stem.with_name(f"{stem.name}-symbol.json")
    found = {
        int(match[1]): path
        for path in sorted(stem.parent.glob("*.params"))
        if (match := re.fullmatch(re.escape(stem.name) + r"-(\d{4,})\.params", path.name))
    }
    if not symbol.is_file():
        raise SourceError(f"{symbol}: no such file; give the path up to '-symbol.json', or --symbol and --params")
    if not found or (epoch is not None and epoch not in found):
        wanted = "????" if epoch is None else f"{epoch:04d}"
        epochs = ", ".join(map(str, found))
        raise SourceError(
            f"{stem}-{wanted}.params: no such file; " + (f"there are epochs {epochs}" if found else "give --params")
        )
    return symbol, found[max(found) if epoch is None else epoch]
