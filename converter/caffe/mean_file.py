"""Mean images: Caffe's .binaryproto and NumPy's .npy."""

from __future__ import annotations

import base64
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError
from .caffemodel import map_file, read_blob


def read_mean(path: Path) -> NDArray[np.float32]:
    """The mean in a file: (C, H, W), or (C,) where it is one number per channel.

    Raises:
        SourceError: the file holds no mean.
    """
    try:
        mean = _read_npy(path) if path.suffix == ".npy" else _read_binaryproto(path)
    except (ValueError, EOFError, OSError, SyntaxError, tokenize.TokenError) as error:  # np.load parses its header
        raise SourceError(f"{path}: not a readable mean file ({error}); give a .binaryproto or .npy file") from error
    shape = mean.shape[1:] if mean.ndim == 4 and mean.shape[0] == 1 else mean.shape
    if len(shape) not in (1, 3) or not 1 <= shape[0] <= 4 or not mean.size or not np.isfinite(mean).all():
        raise SourceError(f"{path}: holds an array of shape {mean.shape}, not a mean of shape (C, H, W) or (C,)")
    return mean.reshape(shape).astype(np.float32)


def mean_fields(mean: NDArray[np.float32]) -> dict[str, Any]:
    """The fields of `Preprocessing` that say `mean`."""
    if mean.ndim == 1:
        return {"mean": tuple(float(value) for value in mean)}
    encoded = base64.b64encode(mean.astype("<f4").tobytes()).decode("ascii")
    return {"mean_image": encoded, "mean_image_shape": mean.shape}


def _read_binaryproto(path: Path) -> NDArray[np.generic]:
    view = map_file(path)
    return read_blob(view, 0, len(view), "mean")


def _read_npy(path: Path) -> NDArray[np.generic]:
    mean = np.load(path, mmap_mode="r", allow_pickle=False)  # mapping compares the header with the file's size
    if mean.dtype.kind not in "fiu":
        raise ValueError(f"its values are of type {mean.dtype}")
    return np.asarray(mean)
