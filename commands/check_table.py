"""The rows of the table that `planish check` shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..runtime_check.check import CheckResult, ModelFacts
    from ..runtime_check.latency import Latency, Ratio

Row = tuple[str, ...]


def rows(result: CheckResult) -> list[Row]:
    """One model's figures, or both models' and what became of them."""
    return [*_cost_rows(result.models), *_accuracy_rows(result), *_latency_rows(result), *_error_rows(result)]


def _cost_rows(models: tuple[ModelFacts, ...]) -> Iterator[Row]:
    for label, field in (
        ("MACs", "macs"),
        ("parameters", "params"),
        ("bytes of weights", "weight_bytes"),
        ("bytes of file", "file_bytes"),
    ):
        values = [getattr(model, field) for model in models]
        shown = [f"{value:,}" for value in values]
        if len(values) == 2:
            shown.append(f"{values[0] / values[1]:.2f}" if values[1] else "-")
        yield (label, *shown)


def _accuracy_rows(result: CheckResult) -> Iterator[Row]:
    for label, field in (("top-1 accuracy, %", "top1"), ("top-5 accuracy, %", "top5")):
        values: list[float] = [
            getattr(model.accuracy, field)
            for model in result.models
            if getattr(model.accuracy, field, None) is not None
        ]
        if not values:
            continue
        shown = [f"{value:.2f}" for value in values]
        if len(values) == 2:
            shown.append(f"{values[1] - values[0]:+.2f}")
        yield (label, *shown)
    if result.agreement is not None:
        yield ("same class, %", "", f"{result.agreement.top1:.2f}", "")
        yield ("KL divergence, nats", "", f"{result.agreement.kl:.2g}", "")


def _latency_rows(result: CheckResult) -> Iterator[Row]:
    latency = result.latency
    if latency is None:
        return
    yield ("CPU ms per run", *(f"{timing.cpu_ms:.2f}" for timing in latency.timings), *_ratio(latency.cpu_ratio))
    yield (_wall(latency), *(f"{timing.wall_ms:.2f}" for timing in latency.timings), *_ratio(latency.wall_ratio))


def _wall(latency: Latency) -> str:
    threads = "1 thread" if latency.threads == 1 else f"{latency.threads} threads"
    return f"wall ms ({threads}, batch {latency.batch})"


def _ratio(ratio: Ratio | None) -> tuple[str, ...]:
    return () if ratio is None else (f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})",)


def _error_rows(result: CheckResult) -> Iterator[Row]:
    for output in result.fidelity:
        of = f" of {output.name}" if len(result.fidelity) > 1 else ""
        yield (f"largest error{of}", "", f"{output.max_abs:.3g}", "")
        yield (f"relative error{of}", "", f"{output.relative:.3g}", "")
        yield (f"cosine{of}", "", f"{output.cosine:.6f}", "")
        yield (f"SQNR{of}, dB", "", f"{output.sqnr_db:.1f}", "")
