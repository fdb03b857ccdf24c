"""What is to be seen on each image and where: boxes from a csv, or from COCO's JSON."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .image_list import LABEL_COLUMNS, PATH_COLUMNS

Boxes = NDArray[np.float64]
"""(n, 5): class, left, top, right, bottom."""

_CORNERS = (("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom"))
_SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"))


@dataclass(frozen=True, slots=True)
class BoxLabels:
    """The boxes of all images.

    Attributes:
        description: the file that they come from.
        by_file: boxes by the image's file, in pixels of the image.
    """

    description: str
    by_file: dict[str, Boxes]

    def of(self, name: str) -> Boxes:
        """The boxes of an image, which may be named by its path or by the end of its path; none if it has none."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((self.by_file[tail] for tail in tails if tail in self.by_file), np.empty((0, 5)))


def is_box_file(path: Path) -> bool:
    """Whether a file of labels holds boxes: COCO's JSON, or a csv that names their corners or sizes."""
    if path.suffix.lower() == ".json":
        return True
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as stream, contextlib.suppress(csv.Error):
        return _columns(next(csv.reader(stream), [])) is not None
    return False


def read_boxes(path: Path) -> BoxLabels:
    """Read a csv with the columns file, class, x1, y1, x2, y2 (or x, y, width, height), or a COCO annotation file.

    Args:
        path: the file; boxes are in pixels of the images as they are stored, classes are numbered as the model does.

    Raises:
        DataError: it cannot be read, or a box in it is none.
    """
    try:
        rows = _coco_rows(path) if path.suffix.lower() == ".json" else _csv_rows(path)
        labels = BoxLabels(path.name, _grouped(rows))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}); give a csv of boxes or COCO's JSON") from error
    if not labels.by_file:
        raise DataError(f"{path}: holds no boxes; give lines of file,class,x1,y1,x2,y2")
    return labels


def _columns(head: Sequence[str]) -> tuple[list[int], bool] | None:
    """Where the four numbers of a box stand, and whether the last two are a size."""
    names = [cell.strip().lower() for cell in head]
    for known, sized in [(one, False) for one in _CORNERS] + [(one, True) for one in _SIZES]:
        if all(name in names for name in known):
            return [names.index(name) for name in known], sized
    return None


def _csv_rows(path: Path) -> Iterable[tuple[str, str, list[Any]]]:
    """(where, file, numbers) of every line; numbers as in `Boxes`."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        head = next(reader, [])
        names = [cell.strip().lower() for cell in head]
        found = _columns(head)
        file = next((names.index(name) for name in PATH_COLUMNS if name in names), None)
        label = next((names.index(name) for name in LABEL_COLUMNS if name in names), None)
        if found is None or file is None or label is None:
            raise DataError(f"{path}: the columns are {', '.join(head)}; it takes file,class,x1,y1,x2,y2")
        columns, sized = found
        for number, row in enumerate(reader, 2):
            if row:
                where = f"{path}: line {number}"
                if len(row) <= max(file, label, *columns):
                    raise DataError(f"{where} has {len(row)} of {len(head)} columns")
                a, b, c, d = (_number(row[column], where) for column in columns)
                corners = [a, b, a + c, b + d] if sized else [a, b, c, d]
                yield where, row[file].strip(), [_number(row[label], where), *corners]


def _coco_rows(path: Path) -> Iterable[tuple[str, str, list[Any]]]:
    """The same of a COCO annotation file, https://cocodataset.org/#format-data; crowds are left out."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        files = {image["id"]: str(image["file_name"]) for image in document["images"]}
        for entry in document["annotations"]:
            left, top, width, height = map(float, entry["bbox"])
            if not entry.get("iscrowd"):
                numbers = [float(entry["category_id"]), left, top, left + width, top + height]
                yield f"{path}: annotation {entry.get('id')}", files[entry["image_id"]], numbers
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path}: is no COCO annotation file ({type(error).__name__}: {error}); it needs images and annotations"
        ) from error


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DataError(f"{where}: '{text}' is no number") from error


def _grouped(rows: Iterable[tuple[str, str, list[Any]]]) -> dict[str, Boxes]:
    gathered: dict[str, list[list[float]]] = {}
    for where, file, numbers in rows:
        label, left, top, right, bottom = numbers
        if not np.isfinite(numbers).all() or right < left or bottom < top:
            raise DataError(f"{where}: {numbers[1:]} is no box; give left, top, right, bottom in pixels")
        if label < 0 or label % 1:
            raise DataError(f"{where}: {label:g} is no class; give a number as the model counts its classes")
        gathered.setdefault(str(PurePosixPath(file.replace("\\", "/"))), []).append(numbers)
    return {file: np.array(boxes, np.float64) for file, boxes in gathered.items()}
