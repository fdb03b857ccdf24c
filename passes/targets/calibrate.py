"""Measure a target runtime on this machine: fit coefficients, or fill the table of rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from ...files import ModelParts
from ...runtime_check.cost import infer_shapes
from ..graph import to_graph
from .calibration_nets import convolution_nets, judging_nets, operator_nets, rate_nets
from .direct import DirectTarget, graph_features
from .features import Blocks, Features
from .registry import find_target, machine_of, make_target
from .target import Target
from .timing import time_nets


@dataclass(frozen=True, slots=True)
class NetFit:
    """One network that judges a calibration.

    Attributes:
        name: what it consists of.
        measured_ms: the quickest of its turns.
        predicted_ms: with the new coefficients.
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
    """What was measured, and how well it predicts.

    Attributes:
        coefficients: by feature; see `features` and `winograd`.
        fits: of the networks that were fitted, or for a table of rates of others.
    """

    coefficients: Mapping[str, float]
    fits: tuple[NetFit, ...]

    @property
    def mean_error(self) -> float:
        """Mean absolute relative error of the predictions."""
        return float(np.mean([abs(fit.error) for fit in self.fits]))

    @property
    def worst_error(self) -> float:
        """Largest absolute relative error of the predictions."""
        return max(abs(fit.error) for fit in self.fits)


def calibrate_target(name: str, threads: int = 1) -> Calibration:
    """Measure the runtime of that name on this machine.

    Args:
        name: of a target.
        threads: that the runtime may use; CPU time counts with one, wall time with more.

    Raises:
        PlanishError: there is no such target, it is no runtime, or it is not installed.
    """
    machine_of(name, threads)
    target = find_target(name, threads)
    return _fit(target, threads) if isinstance(target, DirectTarget) else _measure_rates(target, threads)


def _fit(target: DirectTarget, threads: int) -> Calibration:
    nets = convolution_nets() | operator_nets()
    measured = time_nets(target.name, nets, threads)
    features = {name: model_features(parts, target.blocks) for name, parts in nets.items()}
    coefficients = fit_coefficients(features, measured)
    predicted = {
        name: sum(coefficients[feature] * amount for feature, amount in found.items())
        for name, found in features.items()
    }
    return Calibration(coefficients, tuple(NetFit(name, measured[name], predicted[name]) for name in nets))


def fit_coefficients(features: Mapping[str, Features], measured: Mapping[str, float]) -> dict[str, float]:
    """Milliseconds per unit of each feature, by non-negative least squares of relative errors.

    Args:
        features: of each network, by its name.
        measured: milliseconds of each network.
    """
    names = sorted({name for found in features.values() for name in found})
    amounts = np.array([[found.get(name, 0.0) for name in names] for found in features.values()])
    times = np.array([measured[net] for net in features])
    solution, _ = nnls(amounts / times[:, None], np.ones(len(times)))
    return {name: float(value) for name, value in zip(names, solution, strict=True)}


def model_features(parts: ModelParts, blocks: Blocks) -> Features:
    """What the whole model amounts to."""
    total: Features = {}
    for _, found in graph_features(to_graph(parts), infer_shapes(parts), blocks):
        for name, amount in found.items():
            total[name] = total.get(name, 0.0) + amount
    return total


def _measure_rates(target: Target, threads: int) -> Calibration:
    nets, judges = rate_nets(), judging_nets()
    measured = time_nets(target.name, {name: net.parts for name, net in nets.items()} | judges, threads, reopen=False)
    coefficients = {name: net.amount / measured[name] for name, net in nets.items()}
    for name in ("op_gb", "product_weight_gb"):
        coefficients[name] = 1 / coefficients[name]
    made = make_target(target.name, coefficients)
    fits = [NetFit(name, measured[name], made.model_latency_ms(parts)) for name, parts in judges.items()]
    return Calibration(coefficients, tuple(fits))
