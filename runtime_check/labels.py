"""Class indices: from arrays and from text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

Labels = NDArray[np.int64]
"""(N,) class indices."""


def read_labels(path: Path, count: int, description: str) -> Labels:
    """The labels in the file `path`: `.npy`, `.npz` (array `y`), or text with one integer a line.

    Args:
        path: the file.
        count: how many samples there are.
        description: of the data, for errors.

    Raises:
        DataError: no such file, no integers, or not `count` of them.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a file with the labels of {description}")
    return check_labels(_read(path), count, str(path))


def read_class_names(path: Path) -> tuple[str, ...]:
    """What the classes are called, one a line; the keys of ImageNet's synset_words.txt are left out.

    Raises:
        DataError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); give one name of a class a line") from error
    return tuple(re.sub(r"^n\d{8}\s+", "", line).strip() for line in lines)


def check_labels(values: NDArray[Any], count: int, where: str) -> Labels:
    """`values` as (count,) class indices.

    Raises:
        DataError: they are no integers, negative, or not `count` of them.
    """
    flat = values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.ndim != 1:
        raise DataError(f"{where}: labels of shape {values.shape}; give one class index per sample")
    if not np.issubdtype(flat.dtype, np.integer) and not _whole(flat):
        raise DataError(f"{where}: labels of type {flat.dtype}; give class indices, integers from 0")
    if len(flat) != count:
        raise DataError(f"{where}: {len(flat)} labels for {count} samples; give one label per sample")
    labels = flat.astype(np.int64)
    if count and labels.min() < 0:
        raise DataError(
            f"{where}: label {labels.min()} of sample {int(labels.argmin())} is negative; classes count from 0"
        )
    return labels


def check_classes(labels: Labels, classes: int, where: str) -> None:
    """Refuse labels that a model with so many classes cannot give.

    Raises:
        DataError: a label is out of range; the message names the first.
    """
    wrong = np.flatnonzero(labels >= classes)
    if wrong.size:
        raise DataError(
            f"{where}: label {labels[wrong[0]]} of sample {wrong[0]} is out of range, the model has {classes} classes "
            f"(0 to {classes - 1}); {wrong.size} of {len(labels)} labels are"
        )


def _whole(values: NDArray[Any]) -> bool:
    return bool(np.issubdtype(values.dtype, np.floating) and np.isfinite(values).all() and (values % 1 == 0).all())


def _read(path: Path) -> NDArray[Any]:
    try:
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                name = "y" if "y" in arrays else arrays.files[0]
                return np.asarray(arrays[name])
        if path.suffix.lower() == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        return np.array([int(line) for line in path.read_text().split()], np.int64)
    except (ValueError, OSError, IndexError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a file of labels ({error}); give .npy, .npz or one integer a line") from error
