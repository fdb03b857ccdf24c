"""A comparison of criteria as one self-contained HTML page, and as the rows of the tables that the terminal shows too.

The pictures are figures 3 and 4 of He et al., *Channel pruning for accelerating very deep neural networks*, 2017: what
each criterion leaves of the accuracy against how far one layer alone, or the whole network, is pruned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ...runtime_check.report.headline import Card
from ...runtime_check.report.svg import INK, canvas_for, to_svg
from ...runtime_check.report.templates import find_template
from ..survey.plots import COLOURS
from .comparison import WHOLE, Trial
from .judge import Verdict

Row = tuple[str, ...]


def to_html(trials: Sequence[Trial], original: Verdict, name: str, provenance: Mapping[str, str]) -> str:
    """The page.

    Args:
        trials: the comparison.
        original: the verdict on the original.
        name: of the model.
        provenance: how to get the same figures again.

    Raises:
        MissingExtraError: the extra 'report' is not installed.
    """
    template = find_template("comparison.html.j2", Path(__file__).parent)
    markup = template.environment.filters["safe"]
    colours = criterion_colours(trials)
    places = [
        {
            "name": where,
            "svg": markup(curves(where, own, original, colours)),
            "columns": columns(own),
            "rows": rows(own),
        }
        for where, own in by_place(trials).items()
    ]
    page = template.render(
        title=f"Criteria on {name}",
        cards=list(_cards(trials, original)),
        colours=colours,
        places=places,
        provenance=provenance,
    )
    return str(page)


def curves(where: str, trials: Sequence[Trial], original: Verdict, colours: Mapping[str, str]) -> str:
    """What is left against the ratio, a line for each criterion: whole where layers were fitted anew, else broken."""
    canvas, axes = canvas_for(f"criteria {where}", 3.6)
    name, before = figure(original)
    if name != "SQNR, dB":
        axes.axhline(before, color=INK, linewidth=0.8, linestyle=":")
    for criterion, colour in colours.items():
        for fitted, style in ((True, "-"), (False, "--")):
            own = sorted(
                (t.ratio, figure(t.verdict)[1]) for t in trials if (t.criterion, t.fitted) == (criterion, fitted)
            )
            axes.plot([ratio for ratio, _ in own], [left for _, left in own], style, color=colour, marker="o")
    axes.set_xlabel("MACs before over after" if where == WHOLE else "channels before over after")
    axes.set_ylabel(name)
    return to_svg(canvas, "what each criterion leaves, against the ratio")


def criterion_colours(trials: Iterable[Trial]) -> dict[str, str]:
    """A colour for every criterion."""
    names = dict.fromkeys(trial.criterion for trial in trials)
    return dict(zip(names, COLOURS, strict=False))


def by_place(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    """The trials of each layer and of the whole network."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.where, []).append(trial)
    return found


def columns(trials: Sequence[Trial]) -> Row:
    """The head of `rows`."""
    return ("criterion", "fitted", *(f"{ratio:g}" for ratio in dict.fromkeys(trial.ratio for trial in trials)))


def rows(trials: Sequence[Trial]) -> list[Row]:
    """One for each criterion, fitted and not."""
    found: dict[tuple[str, str], list[str]] = {}
    for trial in trials:
        found.setdefault((trial.criterion, "yes" if trial.fitted else "no"), []).append(shown(trial.verdict))
    return [(*key, *values) for key, values in found.items()]


def figure(verdict: Verdict) -> tuple[str, float]:
    """The figure that says most, and its name: accuracy, else agreement with the original, else SQNR."""
    if verdict.top1 is not None:
        return "top-1 accuracy, %", verdict.top1
    if verdict.agreement is not None:
        return "same class as the original, %", verdict.agreement
    return "SQNR, dB", verdict.sqnr_db


def shown(verdict: Verdict) -> str:
    """That figure as text."""
    if verdict.top1 is not None:
        return f"{verdict.top1:.2f} %"
    return f"{verdict.agreement:.2f} % same" if verdict.agreement is not None else f"{verdict.sqnr_db:.1f} dB"


def _cards(trials: Sequence[Trial], original: Verdict) -> Iterator[Card]:
    """The original, and the best and the worst criterion at the greatest ratio of the whole network."""
    if original.top1 is not None:
        yield Card(shown(original), "the original's top-1 accuracy")
    whole = [trial for trial in trials if trial.where == WHOLE]
    last = [trial for trial in whole if trial.ratio == max(other.ratio for other in whole)]
    ranked = sorted(last, key=lambda trial: figure(trial.verdict)[1])
    for trial, tone in zip(ranked[:: -max(len(ranked) - 1, 1)][:2], ("good", "bad"), strict=False):
        fit = "fitted anew" if trial.fitted else "not fitted"
        yield Card(shown(trial.verdict), f"{trial.criterion}, {fit}, whole network at {trial.ratio:g}", tone)
