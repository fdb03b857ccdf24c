"""What a model is for, guessed from its outputs where nobody says; it decides which figures mean something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .accuracy import class_scores

Task = Literal["classification", "image", "embedding", "none"]
TASKS: tuple[Task, ...] = ("classification", "image", "embedding", "none")


def guess_task(outputs: Mapping[str, NDArray[Any]]) -> tuple[Task, str]:
    """The task, and the output that counts for it.

    The last output of shape (B, classes) is taken for class scores, or for embeddings if its rows have length 1; else
    the last of shape (B, 1 or 3, H, W) for images.

    Args:
        outputs: of one batch, by name.
    """
    for name, value in reversed(list(outputs.items())):
        scores = class_scores(value)
        if scores is not None:
            lengths = np.linalg.norm(scores.astype(np.float64), axis=1)
            unit = bool(np.allclose(lengths, 1, atol=1e-4)) and bool((scores < 0).any())
            return ("embedding" if unit else "classification"), name
    image = next((name for name, value in reversed(list(outputs.items())) if is_image(value)), None)
    return ("none", next(iter(outputs))) if image is None else ("image", image)


def find_output(task: Task, outputs: Mapping[str, NDArray[Any]]) -> str | None:
    """The last output that can serve the task, or None."""
    fits = is_image if task == "image" else lambda value: class_scores(value) is not None
    return next((name for name, value in reversed(list(outputs.items())) if fits(value)), None)


def is_image(value: NDArray[Any]) -> bool:
    """Whether an output is (B, 1 or 3, H, W) with more than a few pixels."""
    return value.ndim == 4 and value.shape[1] in {1, 3} and min(value.shape[2:]) > 4


def peak_of(images: NDArray[Any]) -> float:
    """Largest value that a pixel can have: 1 or 255, by what the first batch holds."""
    return 255.0 if float(np.abs(images).max(initial=0)) > 4 else 1.0
