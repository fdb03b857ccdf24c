"""ncnn, its models made by pnnx, everything in float32; inputs and outputs have no batch dimension."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingExtraError, ModelError, load_extra
from .base import Arrays


class Runtime:
    """See `base.Runtime`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._ncnn: Any = load_extra("ncnn", "ncnn", "the runtime ncnn")

    def version(self) -> str:
        """The installed version."""
        return str(self._ncnn.__version__)

    def prepare(self, model: Path, feeds: Arrays, folder: Path) -> Path:
        """Convert through pnnx, which names the blobs in0, in1, ... and out0, out1, ... in order."""
        copy = folder / "model.onnx"
        copy.symlink_to(model.resolve())
        shapes = ",".join(f"[{','.join(map(str, value.shape))}]" for value in feeds.values())
        command = [str(_pnnx()), copy.name, f"inputshape={shapes}", "fp16=0"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - own command
        if done.returncode or not (folder / "model.ncnn.param").is_file():
            last = (done.stderr + done.stdout).strip().splitlines()[-1:]
            raise ModelError(f"pnnx cannot convert it ({last[0] if last else done.returncode})")
        return folder / "model.ncnn.param"

    def open(self, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """Load the model."""
        self._net = self._ncnn.Net()
        options = self._net.opt
        options.num_threads = self.threads
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        if self._net.load_param(str(prepared)) or self._net.load_model(str(prepared.with_suffix(".bin"))):
            raise ModelError("ncnn cannot load what pnnx made of it")
        self._inputs, self._outputs = inputs, outputs

    def run(self, feeds: Arrays) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""
        kept = [np.ascontiguousarray(feeds[name][0], np.float32) for name in self._inputs]  # a Mat is but a view
        with self._net.create_extractor() as extractor:
            for index, value in enumerate(kept):
                extractor.input(f"in{index}", self._ncnn.Mat(value))
            results = [extractor.extract(f"out{index}") for index in range(len(self._outputs))]
            failed = [name for name, (code, _) in zip(self._outputs, results, strict=True) if code]
            if failed:
                raise ModelError(f"ncnn gives no output {', '.join(failed)}")
            return {
                name: np.array(mat, np.float32)[None] for name, (_, mat) in zip(self._outputs, results, strict=True)
            }

    def close(self) -> None:
        """Give the model's memory back."""
        self._net.clear()


def _pnnx() -> Path:
    """The program inside the package, which is not imported: that would need torch, 5 GB."""
    spec = importlib.util.find_spec("pnnx")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for program in (Path(folder) / "pnnx", Path(folder) / "bin" / "pnnx"):
            if program.is_file():
                return program
    raise MissingExtraError(
        "the runtime ncnn needs the converter pnnx, which is not installed; "
        "install it with: pip install --no-deps pnnx (its torch is not needed)"
    )
