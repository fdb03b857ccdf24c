"""What a runtime has to offer, and the registry of those there are."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError, nearest

Arrays = Mapping[str, NDArray[Any]]

NAMES = ("onnxruntime", "openvino", "mnn", "ncnn", "opencv", "litert")
"""All runtimes; each is the module of its name beside this one, with a class `Runtime`."""


class Runtime(Protocol):
    """One runtime on the CPU, with one model.

    Attributes:
        threads: that it may use.
    """

    threads: int

    def version(self) -> str:
        """The installed version. Raises MissingExtraError."""

    def prepare(self, model: Path, feeds: Arrays, folder: Path) -> Path:
        """Convert `model` to the runtime's own format, if it has one, in `folder`."""

    def open(self, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """Load the model. Names are the ONNX model's."""

    def run(self, feeds: Arrays) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""

    def close(self) -> None:
        """Give the model's memory back."""


def check_runtime(name: str) -> None:
    """Refuse names of no runtime.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in NAMES:
        raise ModelError(f"no runtime '{name}'{nearest(name, NAMES)}; there are {', '.join(NAMES)} and all")


def make_runtime(name: str, threads: int) -> Runtime:
    """The runtime of that name.

    Raises:
        ModelError: there is none.
    """
    check_runtime(name)
    made: Runtime = importlib.import_module(f".{name}", __package__).Runtime(threads)
    return made
