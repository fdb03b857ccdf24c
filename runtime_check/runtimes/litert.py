"""LiteRT (TensorFlow Lite, XNNPACK), its models made by onnx2tf; tensors are laid out NHWC there."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError, load_extra
from .base import Arrays

_CALIBRATION = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""What onnx2tf downloads unless a file of this name lies in the working folder."""


class Runtime:
    """See `base.Runtime`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._interpreters: Any = load_extra("ai_edge_litert.interpreter", "litert", "the runtime litert")

    def version(self) -> str:
        """The installed version."""
        return version("ai-edge-litert")

    def prepare(self, model: Path, feeds: Arrays, folder: Path) -> Path:
        """Convert through onnx2tf in a process of its own, as it takes over the whole of Python's logging."""
        load_extra("onnx2tf", "litert", "the runtime litert")
        np.save(folder / _CALIBRATION, np.zeros((20, 128, 128, 3), np.float32))
        shapes = [f"{name}:{','.join(map(str, value.shape))}" for name, value in feeds.items()]
        files = ["-i", str(model), "-o", "converted", "--overwrite_input_shape", *shapes]
        command = [sys.executable, "-m", "onnx2tf", *files, "-coion", "-n"]
        quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(command, cwd=folder, env=quiet, capture_output=True, text=True, check=False)  # noqa: S603 - own command
        found = next((folder / "converted").glob("*_float32.tflite"), None)
        if found is None:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise ModelError(f"onnx2tf cannot convert it ({last[0] if last else done.returncode})")
        return found

    def open(self, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """Load the model."""
        self._net = self._interpreters.Interpreter(str(prepared), num_threads=self.threads)
        self._net.allocate_tensors()
        self._inputs = _by_name(self._net.get_input_details(), inputs)
        self._outputs = _by_name(self._net.get_output_details(), outputs)

    def run(self, feeds: Arrays) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""
        for name, detail in self._inputs.items():
            self._net.set_tensor(detail["index"], _channels_last(feeds[name]))
        self._net.invoke()
        return {
            name: _channels_first(np.asarray(self._net.get_tensor(detail["index"]), np.float32))
            for name, detail in self._outputs.items()
        }

    def close(self) -> None:
        """Give the model's memory back."""
        del self._net


def _by_name(details: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The tensors by their ONNX names; those of a single one may have been changed."""
    if len(names) == 1:
        return {names[0]: details[0]}
    found = {detail["name"]: detail for detail in details}
    missing = [name for name in names if name not in found]
    if missing:
        raise ModelError(f"what onnx2tf made of it has no {', '.join(missing)}; it has {', '.join(found)}")
    return {name: found[name] for name in names}


def _channels_last(value: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(value.transpose(0, 2, 3, 1)) if value.ndim == 4 else value


def _channels_first(value: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2)) if value.ndim == 4 else value
