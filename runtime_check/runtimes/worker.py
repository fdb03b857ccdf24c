"""One model in one runtime, in a process that may crash: `python -m planish.runtime_check.runtimes.worker JOB.json`.

The job says what to run; the outputs go to an `.npz` and the figures to a JSON file beside the job.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ...errors import PlanishError
from .base import Arrays, Runtime, make_runtime

LOADS = 3
"""How often a model is loaded; the median counts."""


def main(job_file: str) -> None:
    """Do the job; an error is written down as a result."""
    path = Path(job_file)
    job = json.loads(path.read_text())
    report: dict[str, object]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            report = _work(job, path.parent)
    except PlanishError as error:
        report = {"error": str(error), "kind": type(error).__name__}
    except Exception as error:  # runtimes raise whatever they like
        report = {"error": f"{type(error).__name__}: {error}", "kind": "Exception"}
    path.with_name("report.json").write_text(json.dumps(report))


def _work(job: dict[str, object], folder: Path) -> dict[str, object]:
    runtime = make_runtime(str(job["runtime"]), int(str(job["threads"])))
    report: dict[str, object] = {"version": runtime.version()}
    (folder / "version").write_text(str(report["version"]))  # known even if the model crashes the runtime
    inputs, outputs = _names(job, "inputs"), _names(job, "outputs")
    samples = _samples(folder / "feeds.npz", inputs)
    with tempfile.TemporaryDirectory() as scratch:
        prepared = runtime.prepare(Path(str(job["model"])), samples[0], Path(scratch))
        idle_mb = _memory_mb("VmRSS")
        loads = [_open(runtime, prepared, inputs, outputs)]
        values = [runtime.run(feeds) for feeds in samples]
        np.savez(folder / "outputs.npz", *(one[name] for one in values for name in outputs))
        report["cpu_ms"], report["wall_ms"] = _time(runtime, samples[0], float(str(job["seconds"])))
        runtime.close()
        report["peak_mb"] = _memory_mb("VmHWM")
        report["memory_mb"] = max(0.0, _memory_mb("VmHWM") - idle_mb)
        for _ in range(LOADS - 1):
            loads.append(_open(runtime, prepared, inputs, outputs))
            runtime.close()
    return report | {"load_ms": float(np.median(loads))}


def _samples(path: Path, inputs: tuple[str, ...]) -> list[Arrays]:
    """What to run: the inputs of one sample after those of the other."""
    with np.load(path) as arrays:
        values = iter([arrays[f"arr_{index}"] for index in range(len(arrays.files))])
    return [dict(zip(inputs, group, strict=True)) for group in zip(*[values] * len(inputs), strict=True)]


def _open(runtime: Runtime, prepared: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> float:
    """Milliseconds that it takes."""
    begin = time.perf_counter()
    runtime.open(prepared, inputs, outputs)
    return 1000 * (time.perf_counter() - begin)


def _memory_mb(figure: str) -> float:
    """What this process holds (VmRSS) or held at most (VmHWM); elsewhere than on Linux always the latter."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    own = next((line.split()[1] for line in lines if line.startswith(f"{figure}:")), None)
    return int(own) / 1024 if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _names(job: dict[str, object], key: str) -> tuple[str, ...]:
    names = job[key]
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _time(runtime: Runtime, feeds: Arrays, seconds: float) -> tuple[float, float]:
    """Median CPU and wall time of one run, in milliseconds."""
    times: list[tuple[float, float]] = []
    begin = time.perf_counter()
    while len(times) < 5 or (len(times) < 200 and time.perf_counter() - begin < seconds):
        wall, cpu = time.perf_counter(), time.process_time()
        runtime.run(feeds)
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu_ms, wall_ms = 1000 * np.median(times, axis=0)
    return float(cpu_ms), float(wall_ms)


if __name__ == "__main__":
    main(sys.argv[1])
