"""Calibration and evaluation data: one stream of batches, whatever the images or arrays lie in.

    data = open_data("eval.csv", model_inputs(model), read_preprocessing(model), limit=200)
    for batch in data.batches(8):
        session.run(batch.inputs)

A dataset is seeded, read anew at every iteration, and never holds more than a few samples beyond the batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..preprocessing import Preprocessing
from .arrays import TARGET, ArraySource
from .boxes import Boxes, BoxLabels, is_box_file, read_boxes
from .function_data import FunctionSource, is_function_name
from .image_list import list_images
from .image_source import Images, ImageSource
from .images import SIZE, place
from .inputs import InputSpec, format_shape
from .labels import Labels, read_labels
from .lmdb_images import LmdbImages, is_lmdb
from .random_data import RandomSource
from .recordio import RecordImages

DEFAULT_BATCH = 8
"""Samples per batch where the model leaves it open."""

Sample = Mapping[str, NDArray[Any]]
"""One value per input, without the batch dimension."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples, stacked.

    Attributes:
        inputs: by input name, (B, ...). Where the model fixes B, the last batch is filled up by repeating a sample.
        labels: class indices (size,), if the data has any.
        targets: what image-to-image models should give, (size, ...), if the data has it.
        boxes: what detectors should find on each sample, corners as fractions of the input, if the data says it.
        size: how many samples are real; what the model gives for the rest is to be ignored.
        names: what each real sample is called: a file, or `x[17]`.
    """

    inputs: dict[str, NDArray[Any]]
    labels: Labels | None
    targets: NDArray[Any] | None
    boxes: tuple[Boxes, ...] | None
    size: int
    names: tuple[str, ...]


class Source(Protocol):
    """Where samples come from.

    Attributes:
        description: for tables: `eval.csv`, `random input (seed 0)`.
        is_random: whether the samples are made up.
        labels: the class index of every sample, if known.
        skipped: why a sample was left out, by its name; filled while reading.
    """

    description: str
    is_random: bool
    labels: Labels | None
    skipped: dict[str, str]

    def __len__(self) -> int:
        """How many samples there are, broken ones included."""

    def name(self, index: int) -> str:
        """What a sample is called in messages."""

    def samples(self, indices: Sequence[int]) -> Iterator[tuple[int, Sample]]:
        """The readable samples among `indices` (ascending), each with its index."""


class Dataset:
    """Samples of a source, checked against a model's inputs and stacked to batches.

    Args:
        source: where they come from.
        inputs: what the model wants.
        limit: take this many, chosen by `seed`; None takes all.
        seed: of the choice.
        preprocessing: what images go through.
        boxes: what is to be seen on the images.

    Raises:
        DataError: the source is empty, `limit` is below 1, or there are boxes, but for none of the images.
    """

    def __init__(
        self,
        source: Source,
        inputs: Sequence[InputSpec],
        *,
        limit: int | None = None,
        seed: int = 0,
        preprocessing: Preprocessing | None = None,
        boxes: BoxLabels | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise DataError(f"a limit of {limit} samples leaves none; give at least 1")
        if not len(source):
            raise DataError(f"{source.description}: holds no samples; give data that has some")
        self._source = source
        self.inputs = tuple(inputs)
        self.preprocessing = preprocessing or Preprocessing()
        self._indices = _choose(len(source), limit, seed)
        self._boxes = boxes
        if boxes is not None and self.preprocessing.input not in {spec.name for spec in self.inputs}:
            raise DataError(f"{boxes.description}: boxes lie on images, but the model has no input of (N, C, H, W)")
        if boxes is not None and not any(len(boxes.of(source.name(index))) for index in self._indices):
            raise DataError(
                f"{boxes.description}: names none of the {len(self)} images of {source.description}, the first of "
                f"which is {source.name(self._indices[0])}; name them by the ends of their paths"
            )

    def __len__(self) -> int:
        """How many samples are asked for, broken ones included."""
        return len(self._indices)

    @property
    def description(self) -> str:
        """What to call the data in tables."""
        return self._source.description

    @property
    def is_random(self) -> bool:
        """Whether the data is made up; whatever shows results must say so."""
        return self._source.is_random

    @property
    def labels(self) -> Labels | None:
        """Class indices of the samples in order, broken ones included."""
        return None if self._source.labels is None else self._source.labels[self._indices]

    @property
    def has_boxes(self) -> bool:
        """Whether it is known what detectors should find."""
        return self._boxes is not None

    @property
    def skipped(self) -> Mapping[str, str]:
        """Why a sample was left out, by name; complete once the batches have been read."""
        return self._source.skipped

    @property
    def fixed_batch(self) -> int | None:
        """The batch size that the model fixes, if it does."""
        return next((spec.shape[0] for spec in self.inputs if spec.shape and spec.shape[0] is not None), None)

    def batch_size(self, wanted: int | None = None) -> int:
        """Samples per batch: what the model fixes, or else `wanted`, or else 8."""
        return self.fixed_batch or wanted or DEFAULT_BATCH

    def batches(self, batch_size: int | None = None) -> Iterator[Batch]:
        """Read the samples in batches.

        Args:
            batch_size: samples per batch (default 8); ignored where the model fixes it.

        Raises:
            DataError: samples do not fit the inputs or hold NaN or infinite values, or not one of them is readable.
        """
        size = self.batch_size(batch_size)
        read = 0
        for group in _groups(self._checked_samples(), size):
            read += len(group)
            yield self._stack(group, len(group) if self.fixed_batch is None else size)
        if not read:
            reasons = "".join(f"\n  {name}: {reason}" for name, reason in list(self.skipped.items())[:5])
            raise DataError(f"{self.description}: not one of {len(self)} samples can be read:{reasons}")

    def _checked_samples(self) -> Iterator[tuple[int, Sample]]:
        for index, sample in self._source.samples(self._indices):
            for spec in self.inputs:
                self._check(spec, sample[spec.name], index)
            yield index, sample

    def _check(self, spec: InputSpec, value: NDArray[Any], index: int) -> None:
        where = f"{self.description}: {self._source.name(index)}"
        if not spec.accepts(value.shape):
            raise DataError(
                f"{where} gives {format_shape(value.shape)} for the input {spec}; "
                "give data of that shape, or the model's input size with --input-shape"
            )
        if not np.isfinite(value).all():
            raise DataError(f"{where} holds NaN or infinite values; take it out of the data")

    def _stack(self, group: Sequence[tuple[int, Sample]], rows: int) -> Batch:
        filled = [*group, *[group[-1]] * (rows - len(group))]
        return Batch(
            inputs={
                spec.name: np.stack([sample[spec.name] for _, sample in filled]).astype(spec.dtype, copy=False)
                for spec in self.inputs
            },
            labels=None if self._source.labels is None else self._source.labels[[index for index, _ in group]],
            targets=None if TARGET not in group[0][1] else np.stack([sample[TARGET] for _, sample in group]),
            boxes=None if self._boxes is None else tuple(self._placed(self._boxes, *item) for item in group),
            size=len(group),
            names=tuple(self._source.name(index) for index, _ in group),
        )

    def _placed(self, labels: BoxLabels, index: int, sample: Sample) -> Boxes:
        """The boxes of one sample on its input tensor."""
        boxes = labels.of(self._source.name(index))
        if SIZE in sample:
            height, width = sample[SIZE].tolist()
            corners = place(boxes[:, 1:], (height, width), self.preprocessing)
        else:
            height, width = sample[self.preprocessing.input].shape[-2:]
            corners = boxes[:, 1:] / (width, height, width, height)
        return np.column_stack([boxes[:, 0], corners])


def open_data(
    source: str | os.PathLike[str] | None,
    inputs: Sequence[InputSpec],
    preprocessing: Preprocessing | None = None,
    *,
    labels: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Open data for a model.

    Args:
        source: an `.npz` (arrays named like the inputs, or `x`; labels or target images `y`) or `.npy`; an image
            folder, flat or with one sub-folder per class; a csv (`file,class_index`) or a `path label` list; a Caffe
            LMDB folder; an MXNet `.rec` file; a Python function (see `function_data`); None for
            seeded random input.
            Float arrays are the input tensors themselves, 8-bit ones are images.
        inputs: what `inputs.model_inputs` says of the model.
        preprocessing: from image to tensor; None takes RGB values 0..255, resized to the input.
        labels: a csv or list of labelled files for an image folder; a file of boxes for images (see `read_boxes`); or
            a file of labels (`.npy`, `.npz`, or text with one integer a line) for anything.
        limit: take this many samples, chosen by `seed`.
        seed: of that choice and of random input.

    Raises:
        DataError: the data is missing, empty, of an unknown kind or does not fit.
    """
    spec = _fitted_preprocessing(inputs, preprocessing)
    boxes = None
    if labels is not None and is_box_file(Path(labels)):
        boxes, labels = read_boxes(Path(labels)), None
    if source is None:
        opened: Source = RandomSource(inputs, spec if preprocessing else None, limit, seed)
    elif Path(source).suffix.lower() in {".npz", ".npy"}:
        opened = ArraySource(Path(source), inputs, spec)
    elif is_function_name(str(source)):
        opened = FunctionSource(str(source), inputs)
    else:
        opened = ImageSource(_images(Path(source), None if labels is None else Path(labels)), inputs, spec)
    if labels is not None and opened.labels is None:
        opened.labels = read_labels(Path(labels), len(opened), opened.description)
    return Dataset(opened, inputs, limit=limit, seed=seed, preprocessing=spec, boxes=boxes)


def _images(source: Path, labels: Path | None) -> Images:
    if source.suffix.lower() == ".rec":
        return RecordImages(source)
    return LmdbImages(source) if is_lmdb(source) else list_images(source, labels)


def paired_batches(data: Sequence[Dataset], count: int, batch_size: int | None = None) -> Iterator[tuple[Batch, ...]]:
    """The batches of one dataset for `count` models, or of one dataset each, side by side.

    Args:
        data: one dataset, or `count` that hold the same samples, preprocessed differently.
        count: how many models there are.
        batch_size: see `Dataset.batches`.

    Raises:
        DataError: the datasets do not hold the same samples.
    """
    if len(data) == 1:
        for batch in data[0].batches(batch_size):
            yield (batch,) * count
        return
    for batches in zip_longest(*(one.batches(batch_size) for one in data)):
        if None in batches or len({batch.names for batch in batches}) > 1:
            raise DataError(
                f"{data[0].description}: one model's preprocessing leaves samples out that the other's keeps; "
                "give both the same with --mean, --scale, --resize and the like"
            )
        yield batches


def _fitted_preprocessing(inputs: Sequence[InputSpec], given: Preprocessing | None) -> Preprocessing:
    """`given`, or the default, with the size and channels of the model's image input where it does not say."""
    made = given or Preprocessing()
    image = next((s for s in inputs if s.name == made.input), None) or next(
        (s for s in inputs if len(s.shape) == 4), None
    )
    if image is None:
        return made
    channels, height, width = image.sample_shape
    if made.size is None and height is not None and width is not None:
        made = made.with_changes(size=(height, width))
    if channels == 1 and given is None:
        made = made.with_changes(channel_order="GRAY")
    return made.with_changes(input=image.name)


def _choose(total: int, limit: int | None, seed: int) -> list[int]:
    if limit is None or limit >= total:
        return list(range(total))
    return sorted(np.random.default_rng(seed).choice(total, limit, replace=False).tolist())


def _groups(samples: Iterator[tuple[int, Sample]], size: int) -> Iterator[list[tuple[int, Sample]]]:
    """Runs of at most `size` samples of the same shapes; images that keep their own size may differ."""
    group: list[tuple[int, Sample]] = []
    for item in samples:
        if group and (len(group) == size or _shapes(item[1]) != _shapes(group[0][1])):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _shapes(sample: Sample) -> list[tuple[int, ...]]:
    return [value.shape for value in sample.values()]
