"""OpenCV's dnn module, 4 or 5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import load_extra
from .base import Arrays


class Runtime:
    """See `base.Runtime`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._cv2: Any = load_extra("cv2", "opencv", "the runtime opencv")

    def version(self) -> str:
        """The installed version."""
        return str(self._cv2.__version__)

    def prepare(self, model: Path, feeds: Arrays, folder: Path) -> Path:  # noqa: ARG002 - the runtimes' signature
        """It reads ONNX."""
        return model

    def open(self, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:  # noqa: ARG002
        """Load the model."""
        self._cv2.setNumThreads(self.threads)
        self._net = self._cv2.dnn.readNetFromONNX(str(prepared))
        self._outputs = outputs

    def run(self, feeds: Arrays) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""
        for name, value in feeds.items():
            self._net.setInput(value, name)
        return dict(zip(self._outputs, self._net.forward(list(self._outputs)), strict=True))

    def close(self) -> None:
        """Give the model's memory back."""
        del self._net
