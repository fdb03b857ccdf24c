"""Fit a direct-convolution runtime's coefficients to what small networks take on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from ...files import ModelParts
from ...progress import track
from ...runtime_check.cost import infer_shapes
from ...runtime_check.latency import measure
from ...runtime_check.session import Session
from ..graph import to_graph
from .calibration_nets import convolution_nets, operator_nets
from .direct import graph_features
from .features import Blocks, Features

PASSES = 3
"""How often every network has its turn; the median of its turns counts."""

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class NetFit:
    """One calibration network.

    Attributes:
        name: what it consists of.
        measured_ms: median.
        predicted_ms: with the fitted coefficients.
    """

    name: str
    measured_ms: float
    predicted_ms: float

    @property
    def error(self) -> float:
        """Relative."""
        return self.predicted_ms / self.measured_ms - 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients in milliseconds per unit of each feature, and how well they fit."""

    coefficients: Mapping[str, float]
    fits: tuple[NetFit, ...]


def calibrate(blocks: Blocks, threads: int = 1) -> Calibration:
    """Run the calibration networks in onnxruntime and fit the coefficients.

    Args:
        blocks: the runtime's layout on this machine.
        threads: intra-operator threads; CPU time counts with one, wall time with more.
    """
    nets = convolution_nets() | operator_nets()
    measured = time_nets(list(nets.values()), threads)
    return fit({name: model_features(parts, blocks) for name, parts in nets.items()}, measured)


def model_features(parts: ModelParts, blocks: Blocks) -> Features:
    """What the whole model amounts to."""
    total: Counter[str] = Counter()
    for _, found in graph_features(to_graph(parts), infer_shapes(parts), blocks):
        for name, amount in found.items():
            total[name] += amount  # type: ignore[assignment]  # Counter counts in floats as well
    return dict(total)


def time_nets(nets: Sequence[ModelParts], threads: int = 1) -> list[float]:
    """Milliseconds of one run of each network: the median of turns spread over the whole time of measuring."""
    sessions = [Session(parts.to_model(), optimizations="all", threads=threads) for parts in nets]
    rng = np.random.default_rng(0)
    feeds = [
        {name: rng.standard_normal(session.input_shapes[name], dtype=np.float32) for name in session.input_names}
        for session in sessions
    ]
    turns = [index for _ in range(PASSES) for index in range(len(nets))]
    samples: list[list[float]] = [[] for _ in nets]
    for index in track(turns, "Timing small networks"):
        timing = measure([sessions[index]], feeds[index], threads=threads, rounds=ROUNDS).timings[0]
        samples[index].append(timing.cpu_ms if threads == 1 else timing.wall_ms)
    return [float(np.median(sample)) for sample in samples]


def fit(features: Mapping[str, Features], measured: Sequence[float]) -> Calibration:
    """Non-negative least squares of relative errors.

    Args:
        features: of each network, by its name.
        measured: milliseconds of each network, in the same order.
    """
    names = sorted({name for found in features.values() for name in found})
    amounts = np.array([[found.get(name, 0.0) for name in names] for found in features.values()])
    times: NDArray[np.float64] = np.asarray(measured, dtype=np.float64)
    solution, _ = nnls(amounts / times[:, None], np.ones(len(times)))
    predicted = amounts @ solution
    fits = tuple(
        NetFit(name, float(ms), float(guess)) for name, ms, guess in zip(features, times, predicted, strict=True)
    )
    return Calibration({name: float(value) for name, value in zip(names, solution, strict=True)}, fits)
