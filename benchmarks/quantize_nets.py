"""Quantize published networks, and judge them by what they are for.

    python benchmarks/quantize_nets.py [NET ...] [--fast] [--batches N] [--save FOLDER]

Per row: the figure of the float network and of the int8 one, what is lost and what may be; SQNR of the outputs in dB,
mean over 32 batches of calibration images; CPU time of int8 against float (onnxruntime, 1 thread, batch 1); CPU seconds
and peak MB of the quantizer, imports and calibration images included. Each network runs in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from planish.files import write_model
from planish.passes import rewrite
from planish.passes.quantize import FAST, Quantize, StaticSettings
from planish.runtime_check.fidelity import sqnr_db
from planish.runtime_check.latency import measure
from planish.runtime_check.session import Feeds, Session
from real_nets import NETS


@dataclass(frozen=True, slots=True)
class Options:
    """Of the command line."""

    fast: bool
    batches: int | None
    save: Path | None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("nets", nargs="*", metavar="NET")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--batches", "--images", type=int, help="of calibration data, 10 images each mostly")
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    options = Options(given.fast, given.batches, given.save)
    columns = ("float", "int8", "loss", "allowed", "SQNR", "latency", "CPU s", "MB")
    print(f"{'net':<14}" + "".join(f"{column:>9}" for column in columns))
    for name in given.nets or NETS:
        process = multiprocessing.get_context("spawn").Process(target=judge, args=(name, options))
        process.start()
        process.join()


def judge(name: str, options: Options) -> None:
    """Print one row."""
    net = NETS[name]
    parts = net.model()
    batches = net.calibration(parts)[: options.batches]
    settings = StaticSettings(repairs=FAST) if options.fast else StaticSettings()
    step = Quantize(batches=batches, settings=settings, input_shapes=net.shapes)
    quantized = rewrite(parts, [step], net.shapes).parts
    spent, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    if options.save is not None:
        options.save.mkdir(parents=True, exist_ok=True)
        write_model(parts, options.save / f"{name}.onnx")
        write_model(quantized, options.save / f"{name}-int8.onnx")
    sessions = [Session(one, optimizations="all") for one in (parts, quantized)]
    before, after = (net.score(parts, session) for session in sessions)
    one = {key: value[:1] for key, value in batches[0].items()}
    latency = measure(sessions, one, threads=1, seconds=3)
    figures = f"{before:>9.3f}{after:>9.3f}{before - after:>9.3f}{net.allowed:>9.3f}"
    costs = f"{fidelity(sessions, batches):>9.1f}{1 / latency.cpu_ratio.median:>9.2f}{spent:>9.1f}{peak:>9.0f}"
    print(f"{name:<14}{figures}{costs}  {net.unit}", flush=True)


def fidelity(sessions: list[Session], batches: list[Feeds]) -> float:
    """Mean SQNR of all outputs, in dB."""
    ratios = []
    for feeds in batches[:32]:
        wanted, got = (session.run(feeds) for session in sessions)
        for output, values in wanted.items():
            noise = np.square(values.astype(np.float64) - got[output]).sum()
            ratios.append(sqnr_db(float(np.square(values.astype(np.float64)).sum()), float(noise)))
    return float(np.mean(ratios))


if __name__ == "__main__":
    main()
