"""One self-contained HTML page: no script or style from elsewhere, readable on a phone, in the dark and aloud."""

from __future__ import annotations

from pathlib import Path

from ...errors import load_extra
from ..result import CheckResult
from .headline import cards
from .plots import PLAN_FIGURES, UNITS, accuracy_latency, error_growth, plan_bars, runtime_bars, stage_bars
from .summary import (
    LAYER_COLUMNS,
    LAYOUT_COLUMNS,
    PLAN_COLUMNS,
    RUNTIME_COLUMNS,
    STAGE_COLUMNS,
    class_name,
    columns,
    layer_rows,
    layout_rows,
    plan_rows,
    rows,
    runtime_problems,
    runtime_rows,
    stage_rows,
    statements,
)
from .templates import find_template


def load_packages() -> None:
    """Make sure, before anything is measured, that a page can be made.

    Raises:
        MissingExtraError: the extra 'report' is not installed.
    """
    for module in ("jinja2", "matplotlib"):
        load_extra(module, "report", "the report page")


def to_html(result: CheckResult) -> str:
    """The page.

    Raises:
        MissingExtraError: the extra 'report' is not installed.
    """
    template = find_template("page.html.j2")
    markup = template.environment.filters["safe"]
    bars = [(key, unit, stage_bars(result.stages, key)) for key, (unit, _) in UNITS.items()]
    page = template.render(
        result=result,
        title=" -> ".join(Path(model.name).name for model in result.models),
        cards=cards(result),
        runtime_bars=markup(runtime_bars(result)),
        columns=columns(result),
        rows=rows(result),
        statements=statements(result),
        runtime_columns=RUNTIME_COLUMNS,
        runtime_rows=runtime_rows(result),
        runtime_problems=runtime_problems(result),
        stage_columns=STAGE_COLUMNS,
        stage_rows=stage_rows(result),
        layer_columns=LAYER_COLUMNS,
        layer_rows=layer_rows(result),
        layout_columns=LAYOUT_COLUMNS,
        layout_rows=layout_rows(result),
        plan_columns=PLAN_COLUMNS,
        plan_rows=plan_rows(result),
        plan_bars=[markup(svg) for svg in (plan_bars(result.plan, figure) for figure in PLAN_FIGURES) if svg],
        class_name=lambda label: class_name(result, label),
        bars=[(key, unit, markup(svg)) for key, unit, svg in bars if svg],
        growth=markup(error_growth(result.layers, result.layer_threshold_db)),
        accuracy_latency=markup(accuracy_latency(result)),
    )
    return str(page)
