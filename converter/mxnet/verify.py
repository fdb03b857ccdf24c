"""Compares a converted model with MXNet itself, in a Python where that is installed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError, SourceError
from ...runtime_check.session import Session
from .call import numpy_type
from .graph import GraphBuilder
from .shapes import at_batch

TOLERANCE = 1e-4
"""Largest difference, relative to the output's largest magnitude, that passes."""

_SCRIPT = Path(__file__).with_name("run_in_mxnet.py")
_TIMEOUT_S = 600


def verify_with_mxnet(python: Path, symbol: Path, params: Path, graph: GraphBuilder, batch: int) -> list[str]:
    """Run both on the same random input; a note on each output.

    Raises:
        ModelError: an output differs by more than `TOLERANCE`.
        SourceError: MXNet cannot be run.
    """
    random = np.random.default_rng(0)
    feeds = {
        name: random.uniform(-1, 1, at_batch(value.shape, batch)).astype(numpy_type(value.dtype))
        for name, value in graph.fed().items()
    }
    model = graph.builder.build().to_model()
    theirs = run_in_mxnet(python, symbol, params, feeds)
    notes = []
    for (name, found), expected in zip(Session(model).run(feeds).items(), theirs, strict=True):
        difference = _difference(found, expected)
        if not difference <= TOLERANCE:
            raise ModelError(
                f"{symbol}: output '{name}' differs from MXNet's by {difference:.1e} of its largest value; this is a "
                "bug of planish: please report it with the symbol file"
            )
        notes.append(f"verified: output '{name}' differs from MXNet's by {difference:.1e} of its largest value")
    return notes


def run_in_mxnet(
    python: Path, symbol: Path, params: Path, feeds: dict[str, NDArray[np.generic]]
) -> list[NDArray[np.generic]]:
    """MXNet's outputs for `feeds`.

    Raises:
        SourceError: there is no such Python, it has no MXNet, or MXNet refuses the network.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "feeds.npz", Path(folder) / "outputs.npz"
        arrays: dict[str, Any] = {**feeds}
        np.savez(given, **arrays)
        command = [str(python), str(_SCRIPT), str(symbol), str(params), str(given), str(made)]
        # MXNet 1.9.1's oneDNN crashes on newer Pythons; the caller's own setting wins.
        environment = {"MXNET_MKLDNN_ENABLED": "0", **os.environ}
        try:
            done = subprocess.run(  # noqa: S603 - the arguments are files
                command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(f"--verify-python {python}: cannot be run ({error})") from error
        if done.returncode or not made.exists():
            reason = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
            raise SourceError(f"--verify-python {python}: MXNet did not run {symbol}: {reason}")
        with np.load(made) as outputs:
            return [outputs[f"output_{index}"] for index in range(len(outputs.files))]


def _difference(found: NDArray[np.generic], expected: NDArray[np.generic]) -> float:
    if found.shape != expected.shape:
        return float("inf")
    wanted = expected.astype(np.float64)
    error = np.abs(found.astype(np.float64) - wanted).max(initial=0)
    return float(error / max(np.abs(wanted).max(initial=0), 1e-30))
