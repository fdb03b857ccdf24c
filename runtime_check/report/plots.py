"""The plots of the page of a check."""

from __future__ import annotations

from collections.abc import Sequence

from ..layers import LayerFidelity
from ..planned import PlannedLayer
from ..result import CheckResult
from ..stages import Stage, StageCost
from .svg import INK, beside, canvas_for, shortened, to_svg

BEFORE, AFTER = "#2f7ed8", "#e07b39"
"""Blue and orange: told apart by all common kinds of colour blindness, and readable on white and on black."""

MOST_BARS = 30
LEAST_POINTS = 1.0
"""Room above and below the accuracies: a tenth of a point shall not fill the plot."""

UNITS = {"macs": ("million MACs", 1e6), "ms": ("milliseconds", 1.0), "params": ("thousand parameters", 1e3)}
"""Figures of `StageCost` that can be shown: the unit, and how many make one."""


def stage_bars(stages: Sequence[Stage], figure: str) -> str:
    """Bars of one figure of `UNITS` for every stage, of each model; empty if it was not measured.

    Only the 30 largest stages are shown, in the order of the graph.
    """
    if not any(_figure(cost, figure) for stage in stages for cost in stage.costs):
        return ""
    ranked = sorted(stages, key=lambda stage: -max(_figure(cost, figure) for cost in stage.costs))[:MOST_BARS]
    shown = [stage for stage in stages if stage in ranked and any(_figure(cost, figure) for cost in stage.costs)]
    canvas, axes = canvas_for(f"bars {figure}", 1.2 + 0.3 * len(shown))
    models = len(shown[0].costs)
    height = 0.8 / models
    for model, (colour, name) in enumerate(zip((BEFORE, AFTER), ("before", "after"), strict=True)):
        if model < models:
            values = [_figure(stage.costs[model], figure) for stage in shown]
            places = [index + (model - (models - 1) / 2) * height for index in range(len(shown))]
            axes.barh(places, values, height, color=colour, label=name if models == 2 else None)
    axes.set_yticks(range(len(shown)), [shortened(stage.name) for stage in shown])
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel(UNITS[figure][0])
    if models == 2:
        axes.legend(frameon=False, labelcolor=INK)
    return to_svg(canvas, f"{UNITS[figure][0]} of each stage, before and after")


def runtime_bars(result: CheckResult) -> str:
    """CPU time of each model in each runtime that runs it; empty if none does."""
    timed = [row for row in result.runtimes if row.cpu_ms is not None]
    runtimes = list(dict.fromkeys(f"{row.runtime.partition('@')[0]} {row.version}" for row in timed))
    if not timed:
        return ""
    canvas, axes = canvas_for("runtimes", 1.2 + 0.4 * len(runtimes))
    height = 0.8 / len(result.models)
    for index, model in enumerate(result.models):
        found = {
            f"{row.runtime.partition('@')[0]} {row.version}": row.cpu_ms for row in timed if row.model == model.name
        }
        places = [place + (index - (len(result.models) - 1) / 2) * height for place in range(len(runtimes))]
        colour, name = ((BEFORE, "before"), (AFTER, "after"))[index]
        axes.barh(places, [found.get(one) or 0.0 for one in runtimes], height, color=colour, label=name)
    axes.set_yticks(range(len(runtimes)), runtimes)
    axes.invert_yaxis()
    axes.set_xlabel("CPU time of one run, ms")
    if len(result.models) == 2:
        axes.legend(frameon=False, labelcolor=INK)
    return to_svg(canvas, "CPU time of one run in every runtime")


PLAN_FIGURES = {"error": "expected error", "sensitivity": "sensitivity of the output"}
"""Figures of `PlannedLayer` that can be shown."""


def plan_bars(plan: Sequence[PlannedLayer], figure: str) -> str:
    """One figure of `PLAN_FIGURES` for each layer of a plan, with its form and ranks; empty where the plan has none."""
    shown = [planned for planned in plan if getattr(planned, figure) is not None]
    if not shown:
        return ""
    canvas, axes = canvas_for(f"plan {figure}", 1.2 + 0.3 * len(shown))
    values = [getattr(planned, figure) for planned in shown]
    axes.barh(range(len(shown)), values, 0.6, color=AFTER)
    for place, (planned, value) in enumerate(zip(shown, values, strict=True)):
        axes.annotate(f"{planned.form} {planned.shown_ranks}", (value, place), color=INK, va="center", **beside(4, 0))
    axes.set_yticks(range(len(shown)), [shortened(planned.layer) for planned in shown])
    axes.margins(x=0.2, y=0.01)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    axes.set_xlabel(PLAN_FIGURES[figure])
    return to_svg(canvas, f"{PLAN_FIGURES[figure]} of every layer of the plan, with its form and ranks")


def error_growth(layers: Sequence[LayerFidelity], threshold_db: float) -> str:
    """SQNR of every tensor that both models have, along the graph; empty if all are equal."""
    points = [(place, layer.sqnr_db) for place, layer in enumerate(layers) if abs(layer.sqnr_db) < 1000]
    if not points:
        return ""
    canvas, axes = canvas_for("error growth", 3.4)
    axes.plot(*zip(*points, strict=True), color=AFTER, marker=".", linewidth=1)
    axes.axhline(threshold_db, color=INK, linewidth=0.8, linestyle=":")
    axes.annotate("counts as equal above", (0, threshold_db), color=INK, **beside(4, 3))
    first = next(((place, sqnr) for place, sqnr in points if sqnr < threshold_db), None)
    if first is not None:
        axes.plot(*first, marker="o", markersize=8, color=AFTER)
        axes.annotate(f"enters at {shortened(layers[first[0]].node)}", first, color=INK, **beside(8, 6))
    axes.set_xlim(-0.5, len(layers) - 0.5)
    axes.set_xlabel("tensors in the order of the graph")
    axes.set_ylabel("SQNR, dB")
    return to_svg(canvas, "signal over error of every tensor along the graph, in decibels")


def accuracy_latency(result: CheckResult) -> str:
    """The task's figure against latency, both models, the difference with its interval; empty without either."""
    what, values = _judged(result)
    if result.latency is None or not values:
        return ""
    canvas, axes = canvas_for("accuracy against latency", 2.6)
    names = ("before", "after") if len(values) == 2 else (result.models[0].name,)
    times = [timing.cpu_ms for timing in result.latency.timings]
    for name, colour, value, time in zip(names, (BEFORE, AFTER), values, times, strict=False):
        axes.plot(time, value, "o", color=colour, markersize=9)
        axes.annotate(name, (time, value), color=INK, **beside(8, 4))
    shown = list(values)
    for difference in result.differences[:1]:
        ends = values[0] + difference.low, values[0] + difference.high
        axes.errorbar(times[1], values[1], [[max(0, values[1] - ends[0])], [max(0, ends[1] - values[1])]], color=AFTER)
        shown += ends
    room = LEAST_POINTS if what.endswith("%") else 0.1 * (max(shown) - min(shown)) + 1e-3
    axes.margins(x=0.3)
    axes.set_ylim(min(shown) - room, max(shown) + room)
    axes.set_xlim(left=0)
    axes.set_xlabel("CPU time of one run, ms")
    axes.set_ylabel(what)
    return to_svg(canvas, f"{what} against CPU time of one run")


def _judged(result: CheckResult) -> tuple[str, list[float]]:
    """What the task is judged by, and each model's figure; no figures where there is nothing to judge by."""
    accuracies = [model.accuracy.top1 for model in result.models if model.accuracy is not None]
    if accuracies:
        return "top-1 accuracy, %", accuracies
    own = next((quality for quality in result.qualities if len(quality.values) == len(result.models)), None)
    return ("", []) if own is None else (f"{own.name}, {own.unit}".removesuffix(", "), list(own.values))


def _figure(cost: StageCost, figure: str) -> float:
    """In the unit of `UNITS`."""
    return float(getattr(cost, figure) or 0) / UNITS[figure][1]
