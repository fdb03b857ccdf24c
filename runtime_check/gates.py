"""Thresholds on the figures of a check: what makes `planish check` fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from ..errors import DataError


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits; None sets none. `max_` fields bound a figure from above, `min_` fields from below.

    Attributes:
        max_top1_drop: top-1 accuracy that may be lost, in percentage points.
        max_top5_drop: the same of top-5.
        min_top1: top-1 accuracy of the last model, in percent.
        min_agreement: samples that both models give the same class, in percent.
        max_kl: mean Kullback-Leibler divergence, in nats.
        min_speedup: first model's latency over the second's.
        min_mac_ratio: first model's MACs over the second's.
        min_size_ratio: first model's bytes of weights over the second's.
        max_abs_error: largest error of any output.
        max_relative_error: L2 norm of the error over that of the output, the worst output's.
        min_cosine: the worst output's.
        min_sqnr: the worst output's, in dB.
        min_layer_sqnr: the worst layer's, in dB.
        min_quality: the last model's figure of a task besides classification: mAP or verification accuracy in percent,
            PSNR in dB.
        max_quality_drop: what may be lost of that.
        max_cpu_ms: CPU time of one run of the last model, in milliseconds.
        max_load_ms: time to load it, in milliseconds.
        max_memory_mb: memory that it takes, in MiB.
        max_file_mb: size of its file, in megabytes.
        max_runtime_failures: runtimes that are installed and do not run it, or give something else.
    """

    max_top1_drop: float | None = None
    max_top5_drop: float | None = None
    min_top1: float | None = None
    min_agreement: float | None = None
    max_kl: float | None = None
    min_speedup: float | None = None
    min_mac_ratio: float | None = None
    min_size_ratio: float | None = None
    max_abs_error: float | None = None
    max_relative_error: float | None = None
    min_cosine: float | None = None
    min_sqnr: float | None = None
    min_layer_sqnr: float | None = None
    min_quality: float | None = None
    max_quality_drop: float | None = None
    max_cpu_ms: float | None = None
    max_load_ms: float | None = None
    max_memory_mb: float | None = None
    max_file_mb: float | None = None
    max_runtime_failures: float | None = None

    def given(self) -> dict[str, float]:
        """The limits that are set, by name."""
        limits = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: limit for name, limit in limits.items() if limit is not None}


OF_ONE_MODEL = frozenset(
    {"min_top1", "min_quality", "max_cpu_ms", "max_load_ms", "max_memory_mb", "max_file_mb", "max_runtime_failures"}
)
"""Limits that need no second model."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One threshold and whether it was kept.

    Attributes:
        name: the field of `Thresholds`.
        limit: its value.
        value: the figure.
        passed: whether the figure keeps the limit.
    """

    name: str
    limit: float
    value: float
    passed: bool

    def __str__(self) -> str:
        """Like `max-top1-drop: 2.4, limit 1`."""
        return f"{self.name.replace('_', '-')}: {self.value:.4g}, limit {self.limit:g}"


def refuse_unlabelled(thresholds: Thresholds, *, labelled: bool, models: int) -> None:
    """Refuse, before anything is measured, limits that can never be held against a figure.

    Raises:
        DataError: a limit on accuracy without labels, or on a comparison without a second model.
    """
    for name in thresholds.given():
        if name in {"max_top1_drop", "max_top5_drop", "min_top1"} and not labelled:
            raise DataError(f"{_option(name)}: accuracy needs labelled data; give --data that has labels, or --labels")
        if name not in OF_ONE_MODEL and models == 1:
            raise DataError(f"{_option(name)}: compares two models; give the second one too")


def evaluate(thresholds: Thresholds, figures: Mapping[str, float | None]) -> tuple[Gate, ...]:
    """Hold the figures against the thresholds.

    Args:
        thresholds: the limits.
        figures: by threshold name; None for what could not be measured.

    Raises:
        DataError: a limit is set on a figure that could not be measured.
    """
    gates = []
    for name, limit in thresholds.given().items():
        value = figures.get(name)
        if value is None:
            raise DataError(
                f"{_option(name)}: there is no such figure; accuracy and agreement need an output of class scores, "
                "a speed-up, times and memory need --latency-seconds above 0, layers need --layer-samples above 0, "
                "runtimes need --runtime, quality needs another task than classification"
            )
        gates.append(Gate(name, limit, value, value <= limit if name.startswith("max_") else value >= limit))
    return tuple(gates)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
