"""MNN through its Python module; its console scripts, which install packages and send usage data, are never called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError, load_extra
from .base import Arrays


class Runtime:
    """See `base.Runtime`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._mnn: Any = load_extra("MNN", "mnn", "the runtime mnn")
        load_extra("MNN.nn", "mnn", "the runtime mnn")
        load_extra("MNN.expr", "mnn", "the runtime mnn")

    def version(self) -> str:
        """The installed version."""
        return str(self._mnn.version())

    def prepare(self, model: Path, feeds: Arrays, folder: Path) -> Path:  # noqa: ARG002 - the runtimes' signature
        """Convert to MNN's format."""
        tools: Any = load_extra("_tools", "mnn", "the runtime mnn")
        converted = folder / "model.mnn"
        files = ["--modelFile", str(model), "--MNNModel", str(converted)]
        tools.mnnconvert(["mnnconvert", "-f", "ONNX", *files, "--bizCode", "planish"])
        if not converted.is_file():
            raise ModelError("MNN's converter gives no model")
        return converted

    def open(self, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """Load the model, for float32 throughout."""
        settings = {"backend": "CPU", "numThread": self.threads, "precision": "high"}
        manager = self._mnn.nn.create_runtime_manager((settings,))
        self._net = self._mnn.nn.load_module_from_file(
            str(prepared), list(inputs), list(outputs), runtime_manager=manager
        )
        self._inputs, self._outputs = inputs, outputs

    def run(self, feeds: Arrays) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""
        expr = self._mnn.expr
        order = expr.data_format.NCHW
        given = [expr.const(feeds[name], list(feeds[name].shape), order, expr.dtype.float) for name in self._inputs]
        results = [expr.convert(value, order) for value in self._net.onForward(given)]
        return {name: np.array(value.read(), np.float32) for name, value in zip(self._outputs, results, strict=True)}

    def close(self) -> None:
        """Give the model's memory back."""
        del self._net
