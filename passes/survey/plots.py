"""The plots of the page of a survey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...errors import load_extra
from ...runtime_check.report.svg import INK, beside, canvas_for, shortened, to_svg
from ..drop import RELATIVE_ERROR
from ..options import KEEP, Option
from .measuring import Point, sensitivity

COLOURS = ("#2f7ed8", "#e07b39", "#2a9d8f", "#9a6fd0", "#c9569b", "#8a8d31", "#b5651d", "#6b8ba4", "#d14b4b")
"""Told apart by common kinds of colour blindness as far as nine can be, and readable on white and on black."""

MOST_BARS = 60
LEAST_POINTS = 1.0
"""Room above and below the front: a tenth of a point shall not fill the plot."""

_LEAST_ERROR = 1e-5


def form_colours(offers: Sequence[Sequence[Option]]) -> dict[str, str]:
    """A colour for every form that is offered."""
    forms = dict.fromkeys(one.form for offer in offers for one in offer if one.form != KEEP)
    return {form: COLOURS[index % len(COLOURS)] for index, form in enumerate(forms)}


def front(points: Sequence[Point]) -> str:
    """What is left of the accuracy against the speed-up, a point for each ratio."""
    canvas, axes = canvas_for("front", 3.6)
    error = points[0].drop.figure == RELATIVE_ERROR
    axes.axhline(points[0].drop.before, color=INK, linewidth=0.8, linestyle=":")
    axes.plot([p.speedup.median for p in points], [p.drop.after for p in points], color=COLOURS[0], linewidth=1.2)
    for point in points:
        place = (point.speedup.median, point.drop.after)
        reach = [[place[0] - point.speedup.low], [point.speedup.high - place[0]]]
        axes.errorbar(*place, xerr=reach, color=COLOURS[0], marker="o", markersize=8, capsize=3, linewidth=1)
        text = "exact only" if point.ratio == 1 else f"ratio {point.ratio:g}"
        axes.annotate(text, place, color=INK, **beside(7, 7))
    place = (1, points[0].drop.before)
    axes.annotate("the original", place, xycoords=("axes fraction", "data"), ha="right", color=INK, **beside(0, -13))
    axes.margins(x=0.14)
    shown = [points[0].drop.before, *(point.drop.after for point in points)]
    axes.set_ylim(min(shown) - LEAST_POINTS, max(shown) + LEAST_POINTS)
    axes.set_xlabel("times as fast as the original, measured")
    axes.set_ylabel("relative error of the output, %" if error else f"{points[0].drop.figure}, %")
    return to_svg(canvas, "accuracy against measured speed-up, one point for each ratio")


def sensitivity_bars(offers: Sequence[Sequence[Option]]) -> str:
    """How much the network suffers from each layer; of very deep networks the layers that it suffers most from.

    Empty if no layer can become cheaper.
    """
    if not offers:
        return ""
    measured = {offer[0].layer: sensitivity(offer) for offer in offers}
    most = sorted(measured, key=lambda name: -measured[name])[:MOST_BARS]
    shown = [name for name in measured if name in most]
    canvas, axes = canvas_for("sensitivity", 1.0 + 0.24 * len(shown))
    axes.barh(range(len(shown)), [measured[name] for name in shown], 0.7, color=COLOURS[0])
    axes.set_yticks(range(len(shown)), [shortened(name) for name in shown])
    if all(value > 0 for value in measured.values()):
        axes.set_xscale("log")
        axes.set_xlim(left=10.0 ** math.floor(math.log10(min(measured.values()))))
        _write_powers_plainly(axes.xaxis)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("divergence of the output at an error of 1 % of the layer")
    return to_svg(canvas, "sensitivity of every layer")


def layer_curves(offer: Sequence[Option], points: Sequence[Point], colours: dict[str, str]) -> str:
    """Error against rank of one layer, a line for each form; where the ratios stand is marked."""
    name = offer[0].layer
    canvas, axes = canvas_for(f"curve {name}", 2.5, 3.9)
    for form, colour in colours.items():
        best = _lower_envelope([one for one in offer if one.form == form])
        axes.semilogy(*zip(*best, strict=True), color=colour, marker=".", markersize=4, linewidth=1.3) if best else None
    _mark(axes, name, points)
    _write_powers_plainly(axes.yaxis)
    axes.set_xlabel("rank")
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.set_ylabel("relative error")
    axes.grid(visible=True, which="major", color=INK, alpha=0.12)
    return to_svg(canvas, "relative error of the layer against its rank")


def _write_powers_plainly(axis: Any) -> None:
    """0.001 for a power of ten: plots of nodes' names do without mathematical text."""
    ticker = load_extra("matplotlib.ticker", "report", "the report page")
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def _lower_envelope(options: Sequence[Option]) -> list[tuple[int, float]]:
    """The least error at each first rank."""
    best: dict[int, float] = {}
    for one in options:
        best[one.rank] = min(best.get(one.rank, 1.0), max(one.error, _LEAST_ERROR))
    return sorted(best.items())


def _mark(axes: Any, name: str, points: Sequence[Point]) -> None:
    """Rings where the ratios chose, with the ratios beside; those at one place together."""
    places: dict[tuple[int, float], list[str]] = {}
    for point in points:
        planned = point.plan.layers.get(name)
        if planned is not None:
            place = (planned.ranks[0], max(float(planned.facts.get("error", 0)), _LEAST_ERROR))
            places.setdefault(place, []).append(f"{point.ratio:g}")
    for place, ratios in places.items():
        axes.plot(*place, marker="o", markersize=9, fillstyle="none", color=INK)
        axes.annotate(", ".join(ratios), place, color=INK, **beside(6, 6))
