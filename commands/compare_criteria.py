"""`planish compare-criteria`: what each rule that chooses channels costs a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanishError
from ..files import check_output, replacing
from .console import console, json_option, show_json, table
from .options import input_shape_option, parse_input_shapes
from .preprocessing_options import given_preprocessing, preprocessing_options
from .sampling_options import given_sampling, sampling_options

if TYPE_CHECKING:
    from ..passes.prune.comparison import Comparison, Trial
    from ..passes.prune.judge import Verdict

EPILOG = """\b
Examples:
  planish compare-criteria model.onnx --data calib/ --eval eval.csv --report criteria.html
  planish compare-criteria model.onnx --data calib/ --eval eval.csv --ratios 1.5,2,3 --layer conv3_1 --layer conv4_1
  planish compare-criteria model.onnx --data calib/ --criteria lasso,magnitude --json
"""


@click.command(name="compare-criteria", epilog=EPILOG)
@click.argument("model", type=click.Path())
@click.option("--data", required=True, metavar="SRC", help="Calibration images, without labels, as for rewrite.")
@click.option(
    "--eval", "evaluation", metavar="SRC", help="Images to judge on, with labels if there are any (default: --data)."
)
@click.option("--ratios", default="1.5,2,3", show_default=True, help="MACs, or channels of a layer, before over after.")
@click.option("--criteria", default="lasso,greedy,magnitude,first", show_default=True, help="Rules to compare.")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Prune what this layer makes alone; repeatable.")
@click.option("--report", type=click.Path(), metavar="FILE", help="Write one HTML page with pictures.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Calibrate on N of the images, chosen by --seed."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of every choice that is made at random.")
@preprocessing_options
@sampling_options
@input_shape_option
@json_option
def command(
    model: str,
    data: str,
    evaluation: str | None,
    input_shape: Sequence[str],
    *,
    report: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Prune MODEL by several criteria, fitted anew and not, and show what each costs; MODEL is not changed.

    One layer alone loses the same channels' share under each criterion; the whole network, the same MACs.
    """
    if report:
        _check_report(report, model)
    comparison, original = _comparison(model, data, evaluation, input_shape, settings)
    criteria = [name.strip() for name in settings["criteria"].split(",")]
    trials = list(comparison.trials(criteria, _ratios(settings["ratios"]), settings["layers"]))
    if report:
        _write(trials, original, model, report, [data, *([evaluation] if evaluation else [])])
    if as_json:
        found = [_facts(trial) for trial in trials]
        show_json({"model": model, "original": _finite(asdict(original)), "trials": found})
    else:
        _show(trials, original, f"{model} on {evaluation or data}")


def _check_report(report: str, model: str) -> None:
    from ..runtime_check.report.html import load_packages  # noqa: PLC0415 - keeps `planish --help` quick

    check_output(report, model)
    load_packages()


def _write(trials: Sequence[Trial], original: Verdict, model: str, report: str, data: Sequence[str]) -> None:
    from ..passes.prune.comparison_page import to_html  # noqa: PLC0415
    from ..runtime_check.provenance import provenance  # noqa: PLC0415

    page = to_html(trials, original, Path(model).name, provenance([model, *data]))
    with replacing(report) as stream:
        stream.write(page.encode())


def _show(trials: Sequence[Trial], original: Verdict, title: str) -> None:
    from ..passes.prune.comparison_page import by_place, columns, rows, shown  # noqa: PLC0415

    out = console()
    out.print(f"{title}: {shown(original)}")
    for where, own in by_place(trials).items():
        out.print(table(where, columns(own), rows(own), left=2))


def _comparison(
    model: str, data: str, evaluation: str | None, input_shape: Sequence[str], settings: dict[str, Any]
) -> tuple[Comparison, Verdict]:
    """What prunes the model again and again, and the verdict on the model itself."""
    from ..files import read_parts  # noqa: PLC0415 - keeps `planish --help` quick
    from ..passes.base import Result  # noqa: PLC0415
    from ..passes.calibration import open_calibration  # noqa: PLC0415
    from ..passes.exact import Exact  # noqa: PLC0415
    from ..passes.graph import to_graph  # noqa: PLC0415
    from ..passes.prune import Prune  # noqa: PLC0415
    from ..passes.prune.comparison import Comparison  # noqa: PLC0415
    from ..passes.prune.judge import Judge  # noqa: PLC0415

    parts, shapes = read_parts(model), parse_input_shapes(input_shape)
    preprocessing = given_preprocessing(model, settings)
    calibration = open_calibration(
        parts, data, preprocessing, limit=settings["limit"], seed=settings["seed"], input_shapes=shapes
    )
    judged = calibration
    if evaluation is not None:
        judged = open_calibration(parts, evaluation, preprocessing, input_shapes=shapes)
    graph = to_graph(parts)
    Exact(input_shapes=shapes).simplify(graph, Result())
    judge = Judge(graph, judged)
    prune = Prune(batches=calibration, sampling=given_sampling(settings), input_shapes=shapes)
    return Comparison.of(graph, prune, judge), judge.judge(graph)


def _ratios(text: str) -> list[float]:
    try:
        return [float(ratio) for ratio in text.split(",")]
    except ValueError:
        raise PlanishError(f"--ratios {text}: must be numbers with commas, like 1.5,2,3") from None


def _facts(trial: Trial) -> dict[str, Any]:
    facts = asdict(trial)
    return {**facts, "verdict": _finite(facts["verdict"])}


def _finite(verdict: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no infinity: the SQNR of what is the same is null."""
    sqnr_db = verdict["sqnr_db"]
    return {**verdict, "sqnr_db": None if sqnr_db == float("inf") else sqnr_db}
