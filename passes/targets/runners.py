"""Target runtimes opened for timing: each takes a small model and runs it as its users would."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...errors import MissingExtraError, PlanishError, load_extra
from ...files import ModelParts, write_model
from ...runtime_check.session import Feeds, Session


class Runner(Protocol):
    """A model that is ready to run."""

    def run(self, feeds: Feeds) -> object:
        """Run it once on inputs by name."""


class _Runner:
    def __init__(self, run: Callable[[Feeds], object]) -> None:
        self._run = run

    def run(self, feeds: Feeds) -> object:
        return self._run(feeds)


def open_runner(target: str, parts: ModelParts, threads: int) -> Runner:
    """`parts`, a model of one input and one output, opened in the runtime of that name.

    Raises:
        MissingExtraError: the runtime is not installed.
        PlanishError: it does not take the model.
    """
    with _silent():
        return _OPENERS[target](parts, threads)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Standard output for reports alone: the libraries below print to it from C++."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _open_onnxruntime(parts: ModelParts, threads: int) -> Runner:
    return Session(parts, optimizations="all", threads=threads)


def _open_openvino(parts: ModelParts, threads: int) -> Runner:
    """In float32, as on every CPU: OpenVINO would choose bfloat16 where there is such."""
    openvino: Any = load_extra("openvino", "openvino", "calibrating target 'openvino'")
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    model = core.read_model(parts.to_model().SerializeToString())
    compiled = core.compile_model(model, "CPU", settings)
    return _Runner(lambda feeds: compiled(list(feeds.values())))


def _open_opencv(parts: ModelParts, threads: int) -> Runner:
    cv2: Any = load_extra("cv2", "opencv", "calibrating target 'opencv'")
    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(parts.to_model().SerializeToString(), dtype=np.uint8))

    def run(feeds: Feeds) -> object:
        net.setInput(next(iter(feeds.values())))
        return net.forward()

    return _Runner(run)


def _open_ncnn(parts: ModelParts, threads: int) -> Runner:
    """Through pnnx's program, which needs nothing of the package around it (that would import torch)."""
    ncnn: Any = load_extra("ncnn", "ncnn", "calibrating target 'ncnn'")
    net = ncnn.Net()
    net.opt.num_threads = threads
    with tempfile.TemporaryDirectory(prefix="planish-") as name:
        folder = Path(name)
        write_model(parts, folder / "m.onnx")
        _run_tool([str(_pnnx_program()), "m.onnx", f"inputshape=[{_sizes(parts)}]", "fp16=0"], folder)
        net.load_param(str(folder / "m.ncnn.param"))
        net.load_model(str(folder / "m.ncnn.bin"))

    def run(feeds: Feeds) -> object:
        values = np.ascontiguousarray(next(iter(feeds.values()))[0])  # ncnn's Mat is a view of it
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(values))
        return extractor.extract("out0")

    return _Runner(run)


def _pnnx_program() -> Path:
    found = importlib.util.find_spec("pnnx")
    folders = [Path(folder) for folder in (found.submodule_search_locations or ())] if found else []
    for folder in folders:
        for path in folder.rglob("pnnx*"):
            if path.is_file() and os.access(path, os.X_OK):
                return path
    raise MissingExtraError(
        "calibrating target 'ncnn' needs the program pnnx; install it with: pip install --no-deps pnnx"
    )


def _open_mnn(parts: ModelParts, threads: int) -> Runner:
    """Converted by the package's own module: its console scripts install and send things."""
    mnn: Any = load_extra("MNN", "mnn", "calibrating target 'mnn'")
    tools: Any = load_extra("_tools", "mnn", "calibrating target 'mnn'")
    with tempfile.TemporaryDirectory(prefix="planish-") as name:
        source, converted = str(Path(name) / "m.onnx"), str(Path(name) / "m.mnn")
        write_model(parts, source)
        tools.mnnconvert(
            ["mnnconvert", "-f", "ONNX", "--modelFile", source, "--MNNModel", converted, "--bizCode", "planish"]
        )
        interpreter = mnn.Interpreter(converted)
    session = interpreter.createSession({"numThread": threads})
    tensor = interpreter.getSessionInput(session)

    def run(feeds: Feeds) -> object:
        values = next(iter(feeds.values()))
        tensor.copyFrom(mnn.Tensor(values.shape, mnn.Halide_Type_Float, values, mnn.Tensor_DimensionType_Caffe))
        interpreter.runSession(session)
        return interpreter.getSessionOutput(session)

    return _Runner(run)


def _sizes(parts: ModelParts) -> str:
    dimensions = parts.model.graph.input[0].type.tensor_type.shape.dim
    return ",".join(str(dimension.dim_value) for dimension in dimensions)


def _run_tool(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own files
    if done.returncode:
        raise PlanishError(f"{command[0]} failed on a small generated network: {done.stderr.strip()[-500:]}")


_OPENERS: Mapping[str, Callable[[ModelParts, int], Runner]] = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
    "ncnn": _open_ncnn,
    "mnn": _open_mnn,
    "opencv": _open_opencv,
}
