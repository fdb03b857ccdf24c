"""Made-up input for models without data: good for speed and for the numbers of a rewrite, not for accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..preprocessing import Preprocessing
from .images import from_pixels, to_tensor
from .inputs import InputSpec
from .labels import Labels

DEFAULT_SAMPLES = 16


class RandomSource:
    """Seeded noise, the same for a sample whatever is read before it.

    Args:
        inputs: what the model wants.
        preprocessing: noisy pixels go through it; without one the noise is standard normal.
        limit: how many samples to make up; None makes 16.
        seed: of the noise.

    Raises:
        DataError: the model leaves more of an input's shape open than the batch.
    """

    is_random = True

    def __init__(
        self, inputs: Sequence[InputSpec], preprocessing: Preprocessing | None, limit: int | None, seed: int
    ) -> None:
        for spec in inputs:
            if None in spec.sample_shape:
                raise DataError(
                    f"random input needs to know the size of {spec}; give it with --input-shape "
                    f"{spec.name}=1,{','.join(str(size or 224) for size in spec.sample_shape)}, or give --data"
                )
        self.description = f"random input (seed {seed})"
        self.labels: Labels | None = None
        self.skipped: dict[str, str] = {}
        self._inputs, self._preprocessing, self._seed = tuple(inputs), preprocessing, seed
        self._count = DEFAULT_SAMPLES if limit is None else limit

    def __len__(self) -> int:
        """How many samples are made up."""
        return self._count

    def name(self, index: int) -> str:
        """What a sample is called in messages."""
        return f"sample {index}"

    def samples(self, indices: Sequence[int]) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """The samples, each with its index."""
        for index in indices:
            rng = np.random.default_rng([self._seed, index])
            yield index, {spec.name: self._noise(spec, rng) for spec in self._inputs}

    def _noise(self, spec: InputSpec, rng: np.random.Generator) -> NDArray[Any]:
        shape = tuple(size for size in spec.sample_shape if size is not None)
        if not np.issubdtype(spec.dtype, np.floating):
            return rng.integers(0, 2, shape).astype(spec.dtype)
        if self._preprocessing is None or spec.name != self._preprocessing.input or len(shape) != 3:
            return rng.standard_normal(shape).astype(spec.dtype)
        channels = 1 if self._preprocessing.channel_order == "GRAY" else 3
        pixels = rng.integers(0, 256, (shape[1], shape[2], channels)).astype(np.uint8)
        return to_tensor(from_pixels(pixels), self._preprocessing.with_changes(resize="none"))
