"""The few figures that stand large at the top of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..latency import Latency
from ..result import CheckResult
from ..statistics import Difference


@dataclass(frozen=True, slots=True)
class Card:
    """One figure.

    Attributes:
        figure: as large text.
        label: what it is.
        tone: 'good', 'bad' or '' for neither.
    """

    figure: str
    label: str
    tone: str = ""


def cards(result: CheckResult) -> list[Card]:
    """What a reader wants to know first: of two models what was gained and lost, of one what it is."""
    return list(_of_two(result) if len(result.models) == 2 else _of_one(result))


def _of_one(result: CheckResult) -> Iterator[Card]:
    (model,) = result.models
    if model.accuracy is not None:
        yield Card(f"{model.accuracy.top1:.1f} %", "top-1 accuracy")
    for quality in result.qualities[:1]:
        yield Card(f"{quality.values[0]:.2f} {quality.unit}".strip(), quality.name)
    if result.latency is not None:
        yield Card(f"{result.latency.timings[0].cpu_ms:.1f} ms", f"CPU time, {_setting(result.latency)}")
    yield Card(f"{model.macs / 1e6:,.0f} M", "multiply-accumulates per sample")
    yield Card(f"{model.file_bytes / 1e6:,.1f} MB", "file")


def _of_two(result: CheckResult) -> Iterator[Card]:
    first, last = result.models
    yield from map(_loss, result.differences[:1])
    if not result.differences and result.fidelity:
        yield Card(f"{min(output.sqnr_db for output in result.fidelity):.1f} dB", "signal over error of the outputs")
    if result.latency is not None and result.latency.speedup is not None:
        yield _speedup(result.latency)
    if last.macs:
        yield _ratio(first.macs / last.macs, "multiply-accumulates")
    yield _ratio(first.file_bytes / last.file_bytes, "bytes of file")
    tried = [row for row in result.runtimes if row.model == last.name and not row.missing]
    if tried:
        agreed = sum(row.agrees for row in tried)
        tone = "good" if agreed == len(tried) else "bad"
        yield Card(f"{agreed} of {len(tried)}", "runtimes run it and agree with onnxruntime", tone)


def _loss(difference: Difference) -> Card:
    tone = "bad" if difference.high < 0 else "good"
    return Card(f"{difference.value:+.2f}", f"{difference.unit} of {difference.name}: {difference.verdict}", tone)


def _speedup(latency: Latency) -> Card:
    assert latency.speedup is not None, "there are two models"
    verdict = latency.speedup.verdict
    tone = "bad" if verdict.startswith("slower") else "" if verdict.startswith("no") else "good"
    return Card(f"{latency.speedup.median:.2f}×", f"speed: {verdict}, {_setting(latency)}", tone)


def _ratio(ratio: float, what: str) -> Card:
    if round(ratio, 2) == 1:
        return Card("1.00×", f"as many {what}")
    return Card(f"{ratio:.2f}×", f"fewer {what}", "good") if ratio > 1 else Card(f"{1 / ratio:.2f}×", f"as many {what}")


def _setting(latency: Latency) -> str:
    return f"{latency.threads} thread{'s' * (latency.threads > 1)}, batch {latency.batch}"
