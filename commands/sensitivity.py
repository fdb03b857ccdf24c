"""`planish sensitivity`: which layers the network needs, and what every ratio costs in accuracy and gains in speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanishError
from ..files import check_output, replacing
from .console import console, json_option, note, show_json, table, verbose_option
from .options import input_shape_option, parse_input_shapes
from .preprocessing_options import given_preprocessing, parse_numbers, preprocessing_options
from .sampling_options import given_sampling, sampling_options

if TYPE_CHECKING:
    from ..passes.survey import Survey

EPILOG = """\b
Examples:
  planish sensitivity model.onnx --data images/ --report sensitivity.html
  planish sensitivity model.onnx --data val.csv --limit 300 --ratios 1.5,2,2.5,3 --cache kept --report s.html
  planish sensitivity model.onnx --data val.csv --target ncnn --forms channel,tucker --json
"""

_MOST_LAYERS = 10


@click.command(name="sensitivity", epilog=EPILOG)
@click.argument("model", type=click.Path())
@click.option("--data", required=True, metavar="SRC", help="Images: a folder, a list or csv, an .npz.")
@click.option("--labels", metavar="FILE", help="Labels for --data; without any, agreement with MODEL is shown.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use N of them, chosen by --seed.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every choice that is made at random.")
@click.option("--ratios", default="1.5,2,3", show_default=True, metavar="R[,R...]", help="MACs before over after.")
@click.option("--report", type=click.Path(), metavar="FILE", help="Write one HTML page with pictures.")
@click.option("--target", default="onnxruntime", show_default=True, help="Runtime that shall become faster.")
@click.option("--forms", help="Low-rank forms to choose from, with commas (default: all).")
@click.option(
    "--scope", type=click.Choice(["all", "conv", "fc", "kxk"]), default="all", show_default=True, help="As in rewrite."
)
@click.option(
    "--latency-seconds", type=float, default=2.0, show_default=True, help="How long to time every ratio at least."
)
@preprocessing_options
@sampling_options
@input_shape_option
@json_option
@verbose_option
def command(model: str, report: str | None, input_shape: Sequence[str], **settings: Any) -> None:
    """Rewrite MODEL by low rank at several ratios, judge each on images held out from the fit, and time it.

    Every third batch of eight images is held out. Nothing is written but the report; `rewrite` does the same again.
    """
    if report:
        check_output(report, model)
        _find_packages()
    ratios = parse_numbers("--ratios", settings["ratios"])
    if not all(1 < ratio < float("inf") for ratio in ratios):
        raise PlanishError(f"--ratios {settings['ratios']}: a ratio divides the cost, so each must be above 1")
    found = _survey(model, parse_input_shapes(input_shape), ratios, settings)
    if report:
        _write(found, model, report, settings)
    _show(found, model, as_json=settings["as_json"], verbose=settings["verbose"])


def _survey(
    model: str, shapes: dict[str, tuple[int, ...]], ratios: Sequence[float], settings: dict[str, Any]
) -> Survey:
    from ..files import read_parts  # noqa: PLC0415 - keeps `planish --help` quick
    from ..passes.cache import temporary_cache  # noqa: PLC0415
    from ..passes.calibration import open_calibration  # noqa: PLC0415
    from ..passes.lowrank import Lowrank  # noqa: PLC0415
    from ..passes.survey import survey  # noqa: PLC0415
    from ..passes.targets import find_target  # noqa: PLC0415

    sampling = given_sampling(settings)
    parts = read_parts(model)
    calibration = open_calibration(
        parts,
        settings["data"],
        given_preprocessing(model, settings),
        labels=settings["labels"],
        limit=settings["limit"],
        seed=settings["seed"],
        input_shapes=shapes,
    )
    fitted, held = calibration.split()
    lowrank = Lowrank(
        scope=settings["scope"],
        forms=[name.strip() for name in (settings["forms"] or "").split(",") if name.strip()],
        batches=fitted,
        sampling=sampling if sampling.cache else replace(sampling, cache=temporary_cache()),
        target=find_target(settings["target"]),
        origin=parts,
        input_shapes=shapes,
    )
    found = survey(parts, lowrank, ratios, held.batches(), seconds=settings["latency_seconds"])
    for line in () if sampling.cache is None else sampling.cache.notes:
        note(line)
    return found


def _find_packages() -> None:
    from ..runtime_check.report.html import load_packages  # noqa: PLC0415

    load_packages()


def _write(found: Survey, model: str, report: str, settings: dict[str, Any]) -> None:
    from ..passes.survey.page import to_html  # noqa: PLC0415
    from ..runtime_check.provenance import provenance  # noqa: PLC0415

    page = to_html(found, Path(model).name, provenance([model, settings["data"]]))
    with replacing(report) as stream:
        stream.write(page.encode())


def _show(found: Survey, model: str, *, as_json: bool, verbose: bool) -> None:
    from ..passes.survey.page import (  # noqa: PLC0415
        POINT_COLUMNS,
        choice_columns,
        choice_rows,
        point_rows,
        sensitivity_rows,
        statements,
    )

    if as_json:
        show_json(found.to_dict())
        return
    out = console()
    out.print(table(model, POINT_COLUMNS, point_rows(found)))
    rows = sensitivity_rows(found)
    title = "Layers" if verbose else f"The {min(len(rows), _MOST_LAYERS)} most sensitive of {len(rows)} layers"
    shown = rows if verbose else rows[:_MOST_LAYERS]
    out.print(table(title, ("layer", "sensitivity", "million MACs"), shown))
    if verbose:
        out.print(table("What each ratio does", choice_columns(found), choice_rows(found)))
    for line in statements(found):
        out.print(line, markup=False, soft_wrap=True)
