"""What a check found, as the rows of a table and as sentences; the terminal, Markdown and the page show the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..latency import Latency, Ratio
from ..layout import describe_layout
from ..profile import describe
from ..result import CheckResult, ModelFacts
from ..runtimes import RuntimeRow

Row = tuple[str, ...]


def title(result: CheckResult) -> str:
    """The models' names."""
    return " -> ".join(model.name for model in result.models)


def columns(result: CheckResult) -> Row:
    """The table's head."""
    return ("", "value") if len(result.models) == 1 else ("", "before", "after", "ratio")


def rows(result: CheckResult) -> list[Row]:
    """One model's figures, or both models' and what became of them."""
    return [
        *_cost_rows(result.models),
        *_accuracy_rows(result),
        *_quality_rows(result),
        *_latency_rows(result),
        *_footprint_rows(result),
        *_error_rows(result),
    ]


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


def _quality_rows(result: CheckResult) -> Iterator[Row]:
    for quality in result.qualities:
        form = ".2f" if quality.unit else ".4f"
        shown = [f"{value:{form}}" for value in quality.values]
        if len(result.models) == 2:
            shown = (
                ["", *shown, ""] if len(shown) == 1 else [*shown, f"{quality.values[1] - quality.values[0]:+{form}}"]
            )
        yield (f"{quality.name}{', ' * bool(quality.unit)}{quality.unit}", *shown)


def _latency_rows(result: CheckResult) -> Iterator[Row]:
    for latency in result.latencies:
        yield (_label("CPU ms", latency), *(f"{t.cpu_ms:.2f}" for t in latency.timings), *_ratio(latency.cpu_ratio))
        yield (_label("wall ms", latency), *(f"{t.wall_ms:.2f}" for t in latency.timings), *_ratio(latency.wall_ratio))


def _footprint_rows(result: CheckResult) -> Iterator[Row]:
    for label, field, digits in (("load time, ms", "load_ms", 1), ("memory peak, MiB", "memory_mb", 1)):
        values = [getattr(footprint, field) for footprint in result.footprints]
        shown = [f"{value:.{digits}f}" for value in values]
        if len(values) == 2:
            shown.append(f"{values[0] / values[1]:.2f}" if values[1] else "-")
        if shown:
            yield (label, *shown)


def _label(what: str, latency: Latency) -> str:
    return f"{what} ({'1 thread' if latency.threads == 1 else f'{latency.threads} threads'}, batch {latency.batch})"


def _ratio(ratio: Ratio | None) -> tuple[str, ...]:
    return () if ratio is None else (f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})",)


def _error_rows(result: CheckResult) -> Iterator[Row]:
    for output in result.fidelity:
        of = f" of {output.name}" if len(result.fidelity) > 1 else ""
        yield (f"largest error{of}", "", f"{output.max_abs:.3g}", "")
        yield (f"relative error{of}", "", f"{output.relative:.3g}", "")
        yield (f"cosine{of}", "", f"{output.cosine:.6f}", "")
        yield (f"SQNR{of}, dB", "", f"{output.sqnr_db:.1f}", "")


def statements(result: CheckResult) -> list[str]:
    """The verdicts, in words."""
    said = [_data_statement(result), _task_statement(result)]
    said += [f"{difference.name}: {difference.verdict}" for difference in result.differences]
    if result.latency is not None and result.latency.speedup is not None:
        said.append(_latency_statement(result.latency, result.latency.speedup))
    if result.layers:
        first = result.first_different
        said.append(
            f"layers: all tensors of both models agree to {result.layer_threshold_db:g} dB"
            if first is None
            else f"layers: the models part at '{first.node}' ({first.operator}), SQNR {first.sqnr_db:.1f} dB"
        )
    for model, nodes, layout in zip(result.models, result.nodes, result.layouts, strict=False):
        said.append(f"{model.name}: {'; '.join(filter(None, (describe(nodes), describe_layout(layout))))}")
    if result.deployed:
        said.append(_deployed_statement(result))
    return said


def _latency_statement(latency: Latency, speedup: Ratio) -> str:
    kind = "CPU time" if speedup is latency.cpu_ratio else "wall time"
    load = "" if latency.load is None else f"; load of the machine {latency.load:.1f}"
    return f"latency ({kind}): {speedup.verdict} ({latency.rounds} rounds{load})"


def _deployed_statement(result: CheckResult) -> str:
    worst = min(result.deployed, key=lambda output: output.sqnr_db)
    if not result.differs_when_deployed:
        return "onnxruntime's optimizations change nothing but the rounding"
    return (
        f"onnxruntime's optimizations change the output '{worst.name}' of {result.models[-1].name}: "
        f"SQNR {worst.sqnr_db:.1f} dB; --optimizations all judges what will be deployed"
    )


def _task_statement(result: CheckResult) -> str:
    judged = "" if result.task == "none" else f", by the output '{result.output}'"
    return f"task: {result.task}{judged}{' (a guess; --task says otherwise)' if result.task_guessed else ''}"


def _data_statement(result: CheckResult) -> str:
    made_up = "; made-up input, says nothing about accuracy" if result.data.is_random else ""
    skipped = f"; {len(result.data.skipped)} broken ones left out" if result.data.skipped else ""
    return f"{result.data.samples} samples of {result.data.description}{made_up}{skipped}"


_SHORT = 24
"""Letters of a problem that fit into the table of runtimes."""

RUNTIME_COLUMNS = ("runtime", "model", "outcome", "CPU ms", "speed-up", "SQNR, dB", "wall ms", "load ms", "peak MB")


def runtime_rows(result: CheckResult) -> list[Row]:
    """What became of each model in each runtime; the speed-up is the reference's CPU time over the model's own."""
    pair = [model.name for model in result.models] if len(result.models) == 2 else []
    names = dict(zip(pair, ("before", "after"), strict=False))
    reference = {row.runtime: row.cpu_ms for row in result.runtimes if row.model == result.models[0].name}
    rows = []
    for row in result.runtimes:
        before = reference.get(row.runtime)
        speedup = before / row.cpu_ms if before and row.cpu_ms and row.model != result.models[0].name else None
        figures = (row.cpu_ms, speedup, row.sqnr_db, row.wall_ms, row.load_ms, row.peak_mb)
        shown = [
            "" if value is None else f"{value:.{digits}f}"
            for value, digits in zip(figures, (2, 2, 1, 2, 1, 0), strict=True)
        ]
        outcome = _outcome(row)
        model = names.get(row.model, Path(row.model).name)
        rows.append((f"{row.runtime.partition('@')[0]} {row.version}".strip(), model, outcome, *shown))
    return rows


def _outcome(row: RuntimeRow) -> str:
    """In one or two words."""
    if row.problem:
        short = len(row.problem) <= _SHORT
        return "not installed" if row.missing else row.problem if short else "fails, see below"
    return "agrees" if row.agrees else "DIFFERS"


def runtime_problems(result: CheckResult) -> list[str]:
    """What the table of runtimes has no room for: why one fails, and how to install those that are missing."""
    told = [row for row in result.runtimes if row.missing or len(row.problem) > _SHORT]
    return list(dict.fromkeys(f"{row.runtime}: {row.problem}" if row.missing else _failure(row) for row in told))


def _failure(row: RuntimeRow) -> str:
    return f"{row.runtime}, {Path(row.model).name}: {row.problem}"


STAGE_COLUMNS = ("stage", "operators", "million MACs", "thousand parameters", "ms")


def stage_rows(result: CheckResult) -> list[Row]:
    """What both models do to come to each tensor that both have; 'before -> after' where that differs."""
    return [
        (
            stage.name,
            _change([_counted(cost.operators) for cost in stage.costs]),
            _change([f"{cost.macs / 1e6:.2f}" for cost in stage.costs]),
            _change([f"{cost.params / 1e3:.1f}" for cost in stage.costs]),
            _change(["" if cost.ms is None else f"{cost.ms:.3f}" for cost in stage.costs]),
        )
        for stage in result.stages
    ]


def _change(values: list[str]) -> str:
    return " -> ".join(dict.fromkeys(values)) if len(set(values)) > 1 else values[0]


def _counted(operators: tuple[str, ...]) -> str:
    """`2 Conv, Gemm`."""
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in Counter(operators).items()) or "-"


LAYOUT_COLUMNS = ("model", "what", "node")


def layout_rows(result: CheckResult) -> list[Row]:
    """The nodes that are worth a look: outside the fast layout, left in float, conversions between layouts."""
    rows: list[Row] = []
    for model, layout in zip(result.models, result.layouts, strict=False):
        for what, nodes in (
            ("stayed float", layout.floating),
            ("outside NCHWc", layout.unblocked),
            ("change of layout", layout.reorders),
        ):
            rows += [(Path(model.name).name, what, node) for node in nodes]
    return rows


PLAN_COLUMNS = ("layer", "form", "ranks or channels", "million MACs", "expected ms", "expected error", "sensitivity")


def plan_rows(result: CheckResult) -> list[Row]:
    """What was done to each layer, and what it was expected to cost."""
    return [
        (
            planned.layer,
            planned.form,
            planned.shown_ranks,
            "" if planned.macs is None else _change([f"{macs / 1e6:.2f}" for macs in planned.macs]),
            "" if planned.ms is None else _change([f"{ms:.3f}" for ms in planned.ms]),
            "" if planned.error is None else f"{planned.error:.3g}",
            "" if planned.sensitivity is None else f"{planned.sensitivity:.3g}",
        )
        for planned in result.plan
    ]


def class_name(result: CheckResult, label: int) -> str:
    """A class's number, and the first of its names where that is known."""
    return f"{label} {result.class_names[label].partition(',')[0]}" if label < len(result.class_names) else str(label)


LAYER_COLUMNS = ("node", "operator", "SQNR, dB", "of its inputs", "largest error")


def layer_rows(result: CheckResult) -> list[Row]:
    """Where the error enters and how it grows."""
    return [
        (layer.node, layer.operator, f"{layer.sqnr_db:.1f}", f"{layer.inputs_sqnr_db:.1f}", f"{layer.max_abs:.3g}")
        for layer in result.layers
    ]
