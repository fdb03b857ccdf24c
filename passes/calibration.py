"""Calibration data for passes: unlabelled batches that are read many times and decoded once."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from ..files import ModelParts
from ..preprocessing import Preprocessing, read_preprocessing
from ..runtime_check.data import Dataset, open_data
from ..runtime_check.inputs import model_inputs
from ..runtime_check.session import Feeds

BATCH = 8
"""Images per batch where the model leaves it open."""


class Calibration:
    """Batches of a dataset, the same at every iteration.

    Decoded once, they lie in temporary files that are mapped when they are read again: fitting a network layer by layer
    reads the data as often as the network is deep, in bounded memory.

    Args:
        dataset: the data.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._folder = Path(tempfile.mkdtemp(prefix="planish-calibration-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._files: list[dict[str, Path]] | None = None

    def __iter__(self) -> Iterator[Feeds]:
        """The batches, inputs by name."""
        if self._files is None:
            yield from self._decode()
        else:
            for files in self._files:
                yield {name: np.load(path, mmap_mode="r") for name, path in files.items()}

    def __len__(self) -> int:
        """Batches, if no image is broken."""
        return math.ceil(len(self.dataset) / self.dataset.batch_size(BATCH))

    def _decode(self) -> Iterator[Feeds]:
        """The batches as they are decoded; they are kept once all of them have been."""
        kept: list[dict[str, Path]] = []
        for number, batch in enumerate(self.dataset.batches(BATCH)):
            files = {}
            for index, (name, array) in enumerate(batch.inputs.items()):
                files[name] = self._folder / f"{number}-{index}.npy"
                np.save(files[name], array[: batch.size] if self.dataset.fixed_batch is None else array)
            kept.append(files)
            yield batch.inputs
        self._files = kept


def open_calibration(
    model: onnx.ModelProto | ModelParts,
    source: str | os.PathLike[str],
    preprocessing: Preprocessing | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> Calibration:
    """Calibration data for `model` from an image folder, list, csv, `.npz` or `.npy` (see `runtime_check.data`).

    Args:
        model: the model to be rewritten.
        source: where the data lies; labels are not looked at.
        preprocessing: from image to input; by default what the model's metadata says.
        limit: take this many samples, chosen by `seed`.
        seed: of that choice.
        input_shapes: of inputs whose sizes the model leaves open.

    Raises:
        DataError: the data cannot be read or does not fit the model.
    """
    described = preprocessing or read_preprocessing(model.model if isinstance(model, ModelParts) else model)
    dataset = open_data(source, model_inputs(model, input_shapes), described, limit=limit, seed=seed)
    return Calibration(dataset)
