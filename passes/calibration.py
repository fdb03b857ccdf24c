"""Calibration data for passes: batches that are read many times and decoded once, some of them held out for judging."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import DataError
from ..files import ModelParts
from ..preprocessing import Preprocessing, read_preprocessing
from ..runtime_check.data import Dataset, open_data
from ..runtime_check.inputs import model_inputs
from ..runtime_check.labels import Labels
from ..runtime_check.session import Feeds

BATCH = 8
"""Images per batch where the model leaves it open."""

HELD_OUT = 3
"""Every so manieth batch is held out where a result is to be judged on images that nothing was fitted to."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One batch and what is known about it.

    Attributes:
        feeds: inputs by name; where the model fixes the batch size, the last one is filled up.
        labels: class indices (size,), if the data has any.
        size: samples that are no filling.
    """

    feeds: Feeds
    labels: Labels | None
    size: int


class Calibration:
    """Batches of a dataset, the same at every iteration.

    Decoded once, they lie in temporary files: fitting a network layer by layer reads the data as often as the network
    is deep, in bounded memory.

    Args:
        dataset: the data.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._folder = Path(tempfile.mkdtemp(prefix="planish-calibration-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._kept: list[_Kept] | None = None

    def __iter__(self) -> Iterator[Feeds]:
        """The batches, inputs by name."""
        for batch in self.batches():
            yield batch.feeds

    def batches(self) -> Iterator[Labelled]:
        """The batches with their labels, if they have any."""
        if self._kept is None:
            yield from self._decode()
        else:
            for kept in self._kept:
                yield Labelled({name: file.read() for name, file in kept.files.items()}, kept.labels, kept.size)

    def __len__(self) -> int:
        """Batches, if no image is broken."""
        return math.ceil(len(self.dataset) / self.dataset.batch_size(BATCH))

    def split(self) -> tuple[Portion, Portion]:
        """The batches to fit to, and those that are held out: every third.

        Raises:
            DataError: there are too few.
        """
        if len(self) < HELD_OUT:
            raise DataError(
                f"{self.dataset.description}: {len(self.dataset)} samples make {len(self)} batches, too few to hold "
                f"every third out for judging; give at least {(HELD_OUT - 1) * self.dataset.batch_size(BATCH) + 1}"
            )
        return Portion(self, held=False), Portion(self, held=True)

    def _decode(self) -> Iterator[Labelled]:
        """The batches as they are decoded; they are kept once all of them have been."""
        kept: list[_Kept] = []
        for number, batch in enumerate(self.dataset.batches(BATCH)):
            files = {}
            for index, (name, array) in enumerate(batch.inputs.items()):
                files[name] = _File(self._folder / f"{number}-{index}", array.dtype, array.shape)
                array.tofile(files[name].path)
            kept.append(_Kept(files, batch.labels, batch.size))
            yield Labelled(batch.inputs, batch.labels, batch.size)
        self._kept = kept


@dataclass(frozen=True, slots=True)
class _File:
    """An array's bytes on disk, with what `.npy` would say of it: reading that takes longer than a small batch."""

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def read(self) -> NDArray[Any]:
        """The array."""
        return np.fromfile(self.path, self.dtype).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A batch on disk: the files of its inputs by name, and the facts of `Labelled`."""

    files: Mapping[str, _File]
    labels: Labels | None
    size: int


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of the batches, the same at every iteration.

    Attributes:
        whole: all of them.
        held: the part that is held out, or else the rest.
    """

    whole: Calibration
    held: bool

    def __iter__(self) -> Iterator[Feeds]:
        """The batches, inputs by name."""
        for batch in self.batches():
            yield batch.feeds

    def __len__(self) -> int:
        """Batches, if no image is broken."""
        held = len(self.whole) // HELD_OUT
        return held if self.held else len(self.whole) - held

    def batches(self) -> Iterator[Labelled]:
        """The batches with their labels, if they have any."""
        for number, batch in enumerate(self.whole.batches(), 1):
            if (number % HELD_OUT == 0) == self.held:
                yield batch


def open_calibration(
    model: onnx.ModelProto | ModelParts,
    source: str | os.PathLike[str],
    preprocessing: Preprocessing | None = None,
    *,
    labels: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> Calibration:
    """Calibration data for `model` from an image folder, list, csv, `.npz` or `.npy` (see `runtime_check.data`).

    Args:
        model: the model to be rewritten.
        source: where the data lies.
        preprocessing: from image to input; by default what the model's metadata says.
        labels: of the data, where it does not have its own; only judging looks at them.
        limit: take this many samples, chosen by `seed`.
        seed: of that choice.
        input_shapes: of inputs whose sizes the model leaves open.

    Raises:
        DataError: the data cannot be read or does not fit the model.
    """
    described = preprocessing or read_preprocessing(model.model if isinstance(model, ModelParts) else model)
    dataset = open_data(source, model_inputs(model, input_shapes), described, labels=labels, limit=limit, seed=seed)
    return Calibration(dataset)
