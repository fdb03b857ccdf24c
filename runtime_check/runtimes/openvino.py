"""OpenVINO, its precision pinned to float32: its default on recent CPUs is bfloat16, faster and half a percent off."""

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
        self._openvino: Any = load_extra("openvino", "openvino", "the runtime openvino")

    def version(self) -> str:
        """The installed version."""
        return str(self._openvino.__version__).partition("-")[0]

    def prepare(self, model: Path, feeds: Arrays, folder: Path) -> Path:  # noqa: ARG002 - the runtimes' signature
        """It reads ONNX."""
        return model

    def open(self, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """Load the model."""
        core = self._openvino.Core()
        hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": 1}
        self._compiled = core.compile_model(core.read_model(str(prepared)), "CPU", hints)
        self._inputs, self._outputs = inputs, outputs

    def run(self, feeds: Arrays) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""
        results = self._compiled([feeds[name] for name in self._inputs])
        return {name: np.array(results[index], np.float32) for index, name in enumerate(self._outputs)}

    def close(self) -> None:
        """Give the model's memory back."""
        del self._compiled
