"""What it takes to have a model ready: the time to load it, and memory."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..errors import ModelError
from ..files import write_model
from .runtimes import try_runtimes
from .session import Feeds


@dataclass(frozen=True, slots=True)
class Footprint:
    """One model in onnxruntime, in a process of its own.

    Attributes:
        load_ms: to open the file with all optimizations, in milliseconds; the median of three times.
        memory_mb: most memory while loading and running it, less what the process held before, in MiB.
    """

    load_ms: float
    memory_mb: float


def measure_footprint(model: onnx.ModelProto | str | os.PathLike[str], feeds: Feeds, *, threads: int = 1) -> Footprint:
    """Load a model in a fresh process and run it a few times.

    Args:
        model: a path or a model.
        feeds: one batch.
        threads: of onnxruntime.

    Raises:
        ModelError: it cannot be loaded and run there.
    """
    if isinstance(model, onnx.ModelProto):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            write_model(model, path)
            return measure_footprint(path, feeds, threads=threads)
    (row,) = try_runtimes(["onnxruntime"], [str(model)], [feeds], threads=threads, seconds=0)
    if row.load_ms is None or row.memory_mb is None:
        raise ModelError(f"{model}: cannot be loaded in a process of its own: {row.problem}")
    return Footprint(row.load_ms, row.memory_mb)
