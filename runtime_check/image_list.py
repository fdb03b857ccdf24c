"""Image folders and lists of images, labelled or not."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import DataError
from .images import IMAGE_SUFFIXES, read_image
from .labels import Labels, check_labels

PATH_COLUMNS = ("file", "path", "filename", "file_name", "image", "name")
LABEL_COLUMNS = ("class_index", "label", "class", "y", "target", "index")
LIST_SUFFIXES = frozenset({".csv", ".txt", ".lst", ".list"})


@dataclass(slots=True)
class ImageList:
    """Image files in order.

    Attributes:
        description: where the list comes from.
        paths: the files.
        labels: class index of each, if known.
    """

    description: str
    paths: tuple[Path, ...]
    labels: Labels | None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.paths)

    def name(self, index: int) -> str:
        """The image's file."""
        return str(self.paths[index])

    def read(self, index: int) -> Image.Image:
        """Decode one."""
        return read_image(self.paths[index])


def list_images(source: Path, labels: Path | None = None) -> ImageList:
    """The images of a folder, a csv or a `path label` list.

    Args:
        source: a folder, flat or with one sub-folder per class (classes in the order of the sorted names); or a csv
            with the columns file and class_index (or path and label); or lines of `path label`. Paths are relative to
            the list.
        labels: such a list for the images of the folder `source`; its paths are relative to the folder or to the list.

    Raises:
        DataError: it does not exist, holds no images, or a line is wrong.
    """
    if not source.exists():
        raise DataError(f"{source}: no such file or folder; give an .npz, an image folder or a list of images")
    if source.is_dir():
        listed = labels is not None and labels.suffix.lower() in LIST_SUFFIXES and not _is_bare(labels)
        return _read_list(labels, source) if labels is not None and listed else _folder(source)
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return ImageList(source.name, (source,), None)
    return _read_list(source, source.parent)


def _is_bare(path: Path) -> bool:
    """Whether the file holds nothing but one integer a line, so labels without files."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a list of the images and their labels")
    with path.open(errors="replace") as lines:
        return all(line.strip().isdigit() for line in lines if line.strip())


def _folder(folder: Path) -> ImageList:
    files = _images_in(folder)
    if files:
        return ImageList(folder.name or str(folder), files, None)
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    members = [_images_in(entry) for entry in classes]
    if not any(members):
        raise DataError(f"{folder}: holds no images; known are {', '.join(sorted(IMAGE_SUFFIXES))}")
    paths = tuple(path for group in members for path in group)
    labels = np.repeat(np.arange(len(members)), [len(group) for group in members])
    return ImageList(folder.name, paths, labels.astype(np.int64))


def _images_in(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES))


def _read_list(path: Path, folder: Path) -> ImageList:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a list of images ({error}); give a csv or lines of 'path label'") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    entries = _csv_entries(path, lines) if path.suffix.lower() == ".csv" else [_split(line) for _, line in lines]
    if not entries:
        raise DataError(f"{path}: lists no images; give lines of 'path label' or a csv with file,class_index")
    found = [_locate(name, folder, path.parent) for name, _ in entries]
    values = [label for _, label in entries]
    if all(value == "" for value in values):
        return ImageList(path.name, tuple(found), None)
    return ImageList(path.name, tuple(found), check_labels(_integers(values, path), len(found), str(path)))


def _split(line: str) -> tuple[str, str]:
    """`path label` at the last blank; a line without a label is a path."""
    name, _, label = line.strip().rpartition(" " if "\t" not in line else "\t")
    if name and label.strip().lstrip("-").isdigit():
        return name.strip(), label.strip()
    return line.strip(), ""


def _csv_entries(path: Path, lines: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
    try:
        rows = list(csv.reader(line for _, line in lines))
    except csv.Error as error:
        raise DataError(f"{path}: is no csv ({error}); give lines of file,class_index") from error
    if not rows:
        return []
    header = [cell.strip().lower() for cell in rows[0]]
    file_column = next((header.index(name) for name in PATH_COLUMNS if name in header), None)
    label_column: int | None = next((header.index(name) for name in LABEL_COLUMNS if name in header), None)
    if file_column is None:
        file_column, label_column = 0, 1 if len(rows[0]) > 1 else None
    else:
        rows, lines = rows[1:], lines[1:]
    needed = max(file_column, label_column or 0)
    for (number, _), row in zip(lines, rows, strict=False):
        if len(row) <= needed:
            raise DataError(f"{path}: line {number} has {len(row)} of at least {needed + 1} columns")
    return [(row[file_column].strip(), "" if label_column is None else row[label_column].strip()) for row in rows]


def _integers(values: Sequence[str], path: Path) -> NDArray[np.int64]:
    for index, value in enumerate(values):
        if not value.lstrip("-").isdigit():
            raise DataError(f"{path}: entry {index + 1} has the label '{value}'; give a class index, an integer from 0")
    return np.array([int(value) for value in values], np.int64)


def _locate(name: str, folder: Path, beside: Path) -> Path:
    """Relative to the folder of the images, or else to the list."""
    return folder / name if (folder / name).exists() or not (beside / name).exists() else beside / name
