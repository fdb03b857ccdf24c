"""Pairs of images that show one identity or two, for verification."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

_TRUE, _FALSE = {"1", "true", "same", "yes"}, {"0", "-1", "false", "different", "no"}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of images.

    Attributes:
        path: the file that they come from.
        first: an image of each pair.
        second: the other.
        same: whether both show one identity.
    """

    path: Path
    first: tuple[str, ...]
    second: tuple[str, ...]
    same: tuple[bool, ...]

    def indices(self, names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """The pairs both of whose images are among `names`, which may be longer paths than those in the file.

        Raises:
            DataError: not one is.
        """
        places = _places(names)
        found = [(places.get(a), places.get(b)) for a, b in zip(self.first, self.second, strict=True)]
        kept = [(a, b, same) for (a, b), same in zip(found, self.same, strict=True) if a is not None and b is not None]
        if not kept:
            raise DataError(
                f"{self.path}: not one of {len(self.same)} pairs is among the {len(names)} images of the data; the "
                f"first pair names {self.first[0]}, the data {names[0]}"
            )
        first, second, same = zip(*kept, strict=True)
        return np.array(first, np.int64), np.array(second, np.int64), np.array(same, np.bool_)


def read_pairs(path: Path) -> Pairs:
    """Read lines of two images and 1 or 0 (csv, tabs or blanks between), with or without a head, or LFW's pairs.txt.

    LFW's lines are `name i j` for two images of one person and `name i name j` for those of two
    (http://vis-www.cs.umass.edu/lfw/README.txt).

    Raises:
        DataError: it cannot be read, a line is wrong, or all pairs are of one kind.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); give lines of two images and 1 or 0") from error
    rows = [
        _pair(f"{path}: line {number}", re.split(r"[,\t]|\s+", line.strip()))
        for number, line in enumerate(lines, 1)
        if line.strip() and not (number == 1 and _is_head(line))
    ]
    if len({same for _, _, same in rows}) < 2:
        raise DataError(f"{path}: needs pairs of one identity and pairs of two; it has {len(rows)} of one kind")
    first, second, same = zip(*rows, strict=True)
    return Pairs(path, first, second, same)


def _is_head(line: str) -> bool:
    """Names of columns, or LFW's numbers of folds and pairs."""
    cells = re.split(r"[,\t]|\s+", line.strip().lower())
    return all(cell.isdigit() for cell in cells) or cells[-1] in {"same", "label", "issame", "is_same", "y"}


def _pair(where: str, cells: Sequence[str]) -> tuple[str, str, bool]:
    if len(cells) == 3 and cells[1].isdigit() and cells[2].isdigit():
        return _lfw(cells[0], cells[1]), _lfw(cells[0], cells[2]), True
    if len(cells) == 4 and cells[1].isdigit() and cells[3].isdigit():
        return _lfw(cells[0], cells[1]), _lfw(cells[2], cells[3]), False
    if len(cells) == 3 and cells[2].lower() in _TRUE | _FALSE:
        return _plain(cells[0]), _plain(cells[1]), cells[2].lower() in _TRUE
    raise DataError(f"{where}: '{' '.join(cells)[:80]}' is no pair; give two images and 1 (same) or 0")


def _lfw(name: str, number: str) -> str:
    return f"{name}/{name}_{int(number):04}.jpg"


def _plain(name: str) -> str:
    return str(PurePosixPath(name.replace("\\", "/")))


def _places(names: Sequence[str]) -> dict[str, int]:
    """The index of every name, by all ends of its path."""
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        parts = PurePosixPath(name.replace("\\", "/")).parts
        for start in range(len(parts)):
            places.setdefault("/".join(parts[start:]), index)
    return places
