"""A survey as one self-contained HTML page, and as the rows of the tables that the terminal shows too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...runtime_check.report.headline import Card
from ...runtime_check.report.templates import find_template
from ..drop import RELATIVE_ERROR
from ..options import Option
from .measuring import Point, Survey, sensitivity
from .plots import form_colours, front, layer_curves, sensitivity_bars

Row = tuple[str, ...]

GOOD = 1.0
"""Points that a rewrite may lose and still be called good."""

POINT_COLUMNS = ("ratio", "MAC ratio", "size ratio", "times as fast", "before, %", "after, %", "lost, points")


def to_html(found: Survey, name: str, provenance: Mapping[str, str]) -> str:
    """The page.

    Args:
        found: the survey.
        name: of the model.
        provenance: how to get the same figures again.

    Raises:
        MissingExtraError: the extra 'report' is not installed.
    """
    template = find_template("page.html.j2", Path(__file__).parent)
    markup = template.environment.filters["safe"]
    colours = form_colours(found.offers)
    curves = [
        {
            "layer": offer[0].layer,
            "about": f"{offer[0].macs / 1e6:.1f} million MACs, sensitivity {sensitivity(offer):.3g}",
            "svg": markup(layer_curves(offer, found.points, colours)),
        }
        for offer in found.offers
    ]
    page = template.render(
        title=f"Sensitivity of {name}",
        cards=list(_cards(found)),
        statements=statements(found),
        front=markup(front(found.points)),
        bars=markup(sensitivity_bars(found.offers)),
        point_columns=POINT_COLUMNS,
        point_rows=point_rows(found),
        choice_columns=choice_columns(found),
        choice_rows=choice_rows(found),
        colours=colours,
        curves=curves,
        provenance=provenance,
    )
    return str(page)


def point_rows(found: Survey) -> list[Row]:
    """Every ratio carried out."""
    return [
        (
            "exact only" if point.ratio == 1 else f"{point.ratio:g}",
            f"{point.mac_ratio:.2f}",
            f"{point.size_ratio:.2f}",
            f"{point.speedup.median:.2f} ({point.speedup.low:.2f} to {point.speedup.high:.2f})",
            f"{point.drop.before:.2f}",
            f"{point.drop.after:.2f}",
            f"{point.drop.points:.2f}",
        )
        for point in found.points
    ]


def choice_columns(found: Survey) -> Row:
    """The head of `choice_rows`."""
    return ("layer", *(f"at {point.ratio:g}" for point in _rewritten(found)))


def choice_rows(found: Survey) -> list[Row]:
    """What each ratio does to each layer."""
    return [(offer[0].layer, *(_choice(point, offer[0]) for point in _rewritten(found))) for offer in found.offers]


def sensitivity_rows(found: Survey) -> list[Row]:
    """The layers, the most sensitive first."""
    ranked = sorted(found.offers, key=lambda offer: -sensitivity(offer))
    return [(offer[0].layer, f"{sensitivity(offer):.3g}", f"{offer[0].macs / 1e6:.1f}") for offer in ranked]


def statements(found: Survey) -> list[str]:
    """What was measured on what, and what could not be."""
    judged = found.points[0].drop
    said = [
        f"Accuracy is the {judged.figure} on {found.samples} samples that nothing was fitted to; speed is CPU time in "
        "onnxruntime at one thread, side by side with the original.",
    ]
    return said + [f"Ratio {ratio:g}: {why}" for ratio, why in found.unreached.items()]


def _rewritten(found: Survey) -> list[Point]:
    return [point for point in found.points if point.ratio != 1]


def _choice(point: Point, kept: Option) -> str:
    planned = point.plan.layers.get(kept.layer)
    if planned is None:
        return "as it is"
    left = planned.facts["macs"][1] / max(kept.macs, 1)
    return f"{planned.form} {' and '.join(map(str, planned.ranks))}, {100 * left:.0f} %"


def _cards(found: Survey) -> Iterator[Card]:
    """The fastest network that loses at most a point, else that which loses least; and the layer to be careful with."""
    good = [point for point in _rewritten(found) if point.drop.points <= GOOD]
    if good:
        yield _card(max(good, key=lambda point: point.speedup.median), "good")
    elif _rewritten(found):
        yield _card(min(_rewritten(found), key=lambda point: point.drop.points), "bad")
    if found.offers:
        yield Card(str(len(found.offers)), "layers can become cheaper")
        most = max(found.offers, key=sensitivity)
        yield Card(f"{sensitivity(most):.2g}", f"greatest sensitivity: {most[0].layer}")


def _card(point: Point, tone: str) -> Card:
    lost = "of error" if point.drop.figure == RELATIVE_ERROR else "lost"
    label = f"as fast at ratio {point.ratio:g}, {point.drop.points:.2f} points {lost}"
    return Card(f"{point.speedup.median:.2f}x", label, tone)
