"""What a model is for, guessed from its outputs where nobody says; it decides which figures mean something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .accuracy import class_scores
from .detections import find_detections

Task = Literal["classification", "image", "embedding", "detection", "none"]
TASKS: tuple[Task, ...] = ("classification", "image", "embedding", "detection", "none")

_GUESSES: tuple[Task, ...] = ("detection", "classification", "image")


def guess_task(outputs: Mapping[str, NDArray[Any]]) -> tuple[Task, str]:
    """The task, and the output that counts for it.

    Outputs that look like a detector's are taken for that; else the last of shape (B, classes) for class scores, or for
    embeddings if its rows have length 1; else the last of shape (B, 1 or 3, H, W) for images.

    Args:
        outputs: of one batch, by name.
    """
    for task in _GUESSES:
        name = find_output(task, outputs)
        if name is not None:
            unit = task == "classification" and _are_unit(outputs[name])
            return ("embedding" if unit else task), name
    return "none", next(iter(outputs))


def find_output(task: Task, outputs: Mapping[str, NDArray[Any]]) -> str | None:
    """The last output that can serve the task, a detector's boxes; or None."""
    if task == "detection":
        found = find_detections(outputs)
        return None if found is None else found.boxes
    fits = is_image if task == "image" else lambda value: class_scores(value) is not None
    return next((name for name, value in reversed(list(outputs.items())) if fits(value)), None)


def _are_unit(value: NDArray[Any]) -> bool:
    """Whether the rows are vectors of length 1, some of their elements negative."""
    lengths = np.linalg.norm(value.reshape(len(value), -1).astype(np.float64), axis=1)
    return bool(np.allclose(lengths, 1, atol=1e-4)) and bool((value < 0).any())


def is_image(value: NDArray[Any]) -> bool:
    """Whether an output is (B, 1 or 3, H, W) with more than a few pixels."""
    return value.ndim == 4 and value.shape[1] in {1, 3} and min(value.shape[2:]) > 4


def peak_of(images: NDArray[Any]) -> float:
    """Largest value that a pixel can have: 1 or 255, by what the first batch holds."""
    return 255.0 if float(np.abs(images).max(initial=0)) > 4 else 1.0
