"""Weights from an HDF5 file (.caffemodel.h5), as Caffe's snapshot_format: HDF5 writes them.

Source: BVLC net.cpp (Net::ToHDF5): /data/<layer>/<index>, blobs that are shared only with their owner.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError, load_extra
from .caffemodel import MAX_BLOBS, StoredLayer

MAGIC = b"\x89HDF\r\n\x1a\n"


def read_hdf5(path: Path) -> list[StoredLayer]:
    """The layers of an HDF5 weights file.

    Raises:
        SourceError: the file is damaged, or is no such file.
        MissingExtraError: h5py is not installed.
    """
    h5py = load_extra("h5py", "h5py", f"reading {path}")
    try:
        with h5py.File(path, "r") as file:
            if "data" not in file:
                raise SourceError(f"{path}: has no group 'data'; is it an HDF5 file of Caffe weights?")
            found: dict[str, dict[int, NDArray[np.generic]]] = {}
            file["data"].visititems(lambda name, item: _collect(name, item, found))
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise SourceError(f"{path}: not a readable HDF5 file ({error}); was it cut short?") from error
    return [_layer(name, blobs) for name, blobs in found.items()]


def _collect(name: str, item: Any, found: dict[str, dict[int, NDArray[np.generic]]]) -> None:
    layer, _, index = name.rpartition("/")
    if not hasattr(item, "shape"):
        return
    if not layer or not index.isdigit() or int(index) >= MAX_BLOBS or item.dtype.kind != "f":
        raise ValueError(f"'{name}' is no blob of a layer")
    if item.id.get_storage_size() != item.nbytes:  # Caffe does not compress; a hole would be made of thin air
        raise ValueError(f"'{name}' declares {item.nbytes} bytes, but {item.id.get_storage_size()} are stored")
    found.setdefault(layer, {})[int(index)] = item[()]


def _layer(name: str, blobs: dict[int, NDArray[np.generic]]) -> StoredLayer:
    return StoredLayer(name, "", tuple(blobs.get(index) for index in range(max(blobs) + 1)))
