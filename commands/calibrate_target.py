"""`planish calibrate-target`: measure what convolutions cost on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from .console import console, json_option, note, show_json, table, verbose_option

if TYPE_CHECKING:
    from pathlib import Path

    from ..passes.targets.calibrate import Calibration
    from ..passes.targets.store import Machine

BUSY = 1.5
"""More processes than this disturb each other, if only by the memory that they share."""

EPILOG = """\b
Examples:
  planish calibrate-target
  planish calibrate-target --target ncnn
  planish calibrate-target -v --json
"""


@click.command(name="calibrate-target", epilog=EPILOG)
@click.option("--target", default="onnxruntime", show_default=True, metavar="NAME", help="Runtime to measure.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads that the runtime may use."
)
@json_option
@verbose_option
def command(target: str, threads: int, *, as_json: bool, verbose: bool) -> None:
    """Time small generated networks on this machine and keep what they tell, for --speedup and --target.

    Takes ten seconds, a few minutes for ncnn. With one thread CPU time counts, so that other programs disturb little.
    The result is kept for this CPU, version of the runtime and number of threads, in the folder that PLANISH_CACHE
    names or in the system's folder for caches.
    """
    from ..passes.targets.calibrate import calibrate_target  # noqa: PLC0415 - keeps `planish --help` quick
    from ..passes.targets.registry import machine_of  # noqa: PLC0415
    from ..passes.targets.store import save_coefficients  # noqa: PLC0415

    machine = machine_of(target, threads)
    if busy_processes() > BUSY:
        note(f"{busy_processes():.1f} processes keep this machine busy; what waits for memory will seem slow")
    calibration = calibrate_target(target, threads)
    path = save_coefficients(machine, calibration.coefficients)
    if as_json:
        show_json(_document(machine, calibration, path))
    else:
        _show(machine, calibration, path, verbose=verbose)


def busy_processes() -> float:
    """Processes that ran or waited to in the last minute, on average; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _show(machine: Machine, calibration: Calibration, path: Path, *, verbose: bool) -> None:
    out = console()
    title = f"{machine.runtime}, {machine.threads} thread{'s' if machine.threads > 1 else ''}, {machine.cpu}"
    rows = [(name, f"{value:.4g}", unit_of(name)) for name, value in sorted(calibration.coefficients.items())]
    out.print(table(title, ("coefficient", "value", "unit"), rows))
    if verbose:
        fits = [(f.name, f"{f.measured_ms:.3f}", f"{f.predicted_ms:.3f}", f"{f.error:+.1%}") for f in calibration.fits]
        out.print(table("Fit", ("network", "measured ms", "predicted ms", "error"), fits))
    mean, worst = calibration.mean_error, calibration.worst_error
    out.print(f"{len(calibration.fits)} networks: mean error {mean:.1%}, worst {worst:.1%}")
    out.print(f"kept in {path}", soft_wrap=True, markup=False)


def unit_of(coefficient: str) -> str:
    """The unit of a coefficient, which its name tells."""
    if "@" in coefficient:
        return "GFLOP/s"
    if coefficient.startswith("op:"):
        return "ns per element"
    kind = coefficient.rpartition("_")[2]
    return {"gflop": "ms per GFLOP", "gb": "ms per GB", "krows": "ms per 1000 rows", "nodes": "ms per node"}[kind]


def _document(machine: Machine, calibration: Calibration, path: Path) -> dict[str, Any]:
    return {
        **machine.to_dict(),
        "file": str(path),
        "mean_error": calibration.mean_error,
        "worst_error": calibration.worst_error,
        "coefficients": dict(calibration.coefficients),
        "networks": [
            {"network": f.name, "measured_ms": f.measured_ms, "predicted_ms": f.predicted_ms} for f in calibration.fits
        ],
    }
