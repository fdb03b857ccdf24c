"""Which runtimes load which model, whether they agree with onnxruntime, and how fast they are."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ...errors import MissingExtraError, ModelError
from ...progress import track
from ..fidelity import FidelityMeter
from ..session import Feeds, Session
from .base import NAMES, check_runtime, make_runtime

TIME_LIMIT_SECONDS = 300.0
AGREES_DB = 60.0
"""SQNR from which a runtime agrees: Winograd convolutions in float32 stay above it, bfloat16 and errors below."""

QUANTIZED_AGREES_DB = 30.0
"""The same for models with QuantizeLinear, where a rounding to the other side is a whole step."""


@dataclass(frozen=True, slots=True)
class RuntimeRow:
    """One model in one runtime.

    Attributes:
        runtime: its name; `name@python` for that of another environment.
        version: of the runtime; empty if it did not get that far.
        model: path.
        problem: why there are no figures; empty if there are.
        sqnr_db: of the worst output against onnxruntime without optimizations; None without figures.
        load_ms: to load the model, conversion to the runtime's own format aside.
        cpu_ms: median CPU time of one run, in milliseconds.
        wall_ms: median wall time of one run, in milliseconds.
        quantized: whether the model has QuantizeLinear nodes.
        missing: whether the runtime is not installed.
        peak_mb: most memory the process held, conversion included.
        memory_mb: how much more that was than before the model was loaded.
    """

    runtime: str
    version: str
    model: str
    problem: str
    sqnr_db: float | None = None
    load_ms: float | None = None
    cpu_ms: float | None = None
    wall_ms: float | None = None
    peak_mb: float | None = None
    memory_mb: float | None = None
    quantized: bool = False
    missing: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the outputs are those of onnxruntime."""
        return self.sqnr_db is not None and self.sqnr_db >= (QUANTIZED_AGREES_DB if self.quantized else AGREES_DB)


def try_runtimes(
    names: Sequence[str],
    models: Sequence[str],
    samples: Sequence[Feeds],
    *,
    threads: int = 1,
    seconds: float = 2.0,
    time_limit: float = TIME_LIMIT_SECONDS,
) -> tuple[RuntimeRow, ...]:
    """Run each model in each runtime, every one in a process of its own with a time limit.

    Args:
        names: of the runtimes; 'all' stands for all that there are, whether installed or not; `name@python` for the
            one in the environment of the interpreter `python`, which must hold planish too.
        models: paths.
        samples: batches for all models to be compared on; the first is the one to be timed on.
        threads: that a runtime may use.
        seconds: how long to time each.
        time_limit: seconds after which a process is stopped.

    Raises:
        ModelError: there is no runtime of that name.
        MissingExtraError: a runtime that was asked for by name is not installed.
    """
    for name in names:
        _check_name(name, threads)
    wanted = [one for name in names for one in (NAMES if name == "all" else (name,))]
    references = {model: Session(model) for model in models}
    jobs = [(runtime, model) for runtime in wanted for model in models]
    return tuple(
        _row(runtime, model, references[model], samples, (threads, seconds, time_limit))
        for runtime, model in track(jobs, "trying the runtimes")
    )


def _row(
    runtime: str, model: str, reference: Session, samples: Sequence[Feeds], settings: tuple[int, float, float]
) -> RuntimeRow:
    threads, seconds, time_limit = settings
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = {
            "runtime": runtime.partition("@")[0],
            "model": str(Path(model).resolve()),
            "threads": threads,
            "seconds": seconds,
            "inputs": reference.input_names,
            "outputs": reference.output_names,
        }
        (folder / "job.json").write_text(json.dumps(job))
        np.savez(folder / "feeds.npz", *(feeds[key] for feeds in samples for key in reference.input_names))
        report = _work(runtime.partition("@")[2] or sys.executable, folder, time_limit)
        if "error" in report:
            missing = report.get("kind") == MissingExtraError.__name__
            return RuntimeRow(runtime, str(report.get("version", "")), model, str(report["error"]), missing=missing)
        sqnr, problem = _compare([reference.run(feeds) for feeds in samples], folder / "outputs.npz")
    load, cpu, wall, peak, memory = (
        float(report[key]) for key in ("load_ms", "cpu_ms", "wall_ms", "peak_mb", "memory_mb")
    )
    quantized = _is_quantized(model)
    return RuntimeRow(
        runtime, str(report["version"]), model, problem, sqnr, load, cpu, wall, peak, memory, quantized=quantized
    )


def _check_name(name: str, threads: int) -> None:
    runtime, at, python = name.partition("@")
    if at:
        check_runtime(runtime)
        if not Path(python).is_file():
            raise ModelError(f"{name}: there is no {python}; give the Python interpreter of the other environment")
    elif name != "all":
        make_runtime(runtime, threads)


def _work(python: str, folder: Path, time_limit: float) -> dict[str, Any]:
    """The worker's report, or what became of the worker."""
    # An absolute path, but of the link as it is: a virtual environment's interpreter is one to another's.
    command = [str(Path(python).absolute()), "-m", "planish.runtime_check.runtimes.worker", str(folder / "job.json")]
    try:
        # In the job's folder, so that no module of the working folder stands in the way of Python's own.
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=time_limit, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {time_limit:g} s"}
    if done.returncode < 0:
        return {"error": f"crashed ({signal.Signals(-done.returncode).name})", "version": _text(folder / "version")}
    report = folder / "report.json"
    if done.returncode or not report.is_file():
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return {"error": f"ended with {done.returncode}: {last[0] if last else 'without a word'}"}
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _is_quantized(model: str) -> bool:
    nodes = onnx.load(model, load_external_data=False).graph.node
    return any(node.op_type == "QuantizeLinear" for node in nodes)


def _compare(wanted: Sequence[Feeds], file: Path) -> tuple[float | None, str]:
    """The worst output's SQNR over all samples in dB, and what is wrong with the outputs."""
    meters = {name: FidelityMeter(name) for name in wanted[0]}
    with np.load(file) as given:
        for index, (name, value) in enumerate((name, sample[name]) for sample in wanted for name in meters):
            other = given[f"arr_{index}"]
            if other.size != value.size:
                return None, f"output '{name}' has the shape {other.shape}, not {value.shape}"
            if not np.isfinite(other).all():
                return None, f"output '{name}' is NaN or infinite"
            meters[name].add(value, other.reshape(value.shape))
    return min(meter.result().sqnr_db for meter in meters.values()), ""
