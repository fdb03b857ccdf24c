"""onnxruntime with all its optimizations, as it would be deployed."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..session import Session
from .base import Arrays


class Runtime:
    """See `base.Runtime`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def version(self) -> str:
        """The installed version."""
        return version("onnxruntime")

    def prepare(self, model: Path, feeds: Arrays, folder: Path) -> Path:  # noqa: ARG002 - the runtimes' signature
        """ONNX is its own format."""
        return model

    def open(self, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:  # noqa: ARG002
        """Load the model."""
        self._session = Session(prepared, optimizations="all", threads=self.threads)

    def run(self, feeds: Arrays) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""
        return {name: np.asarray(value, np.float32) for name, value in self._session.run(feeds).items()}

    def close(self) -> None:
        """Give the model's memory back."""
        del self._session
