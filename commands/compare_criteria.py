"""`planish compare-criteria`: what each rule that chooses channels costs a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanishError
from .console import console, json_option, show_json, table
from .options import input_shape_option, parse_input_shapes
from .preprocessing_options import given_preprocessing, preprocessing_options
from .sampling_options import given_sampling, sampling_options

if TYPE_CHECKING:
    from ..passes.prune.comparison import Comparison, Trial
    from ..passes.prune.judge import Verdict

EPILOG = """\b
Examples:
  planish compare-criteria model.onnx --data calib/ --eval eval.csv
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
    as_json: bool,
    **settings: Any,
) -> None:
    """Prune MODEL by several criteria, fitted anew and not, and show what each costs; MODEL is not changed.

    One layer alone loses the same channels' share under each criterion; the whole network, the same MACs.
    """
    comparison, original = _comparison(model, data, evaluation, input_shape, settings)
    criteria = [name.strip() for name in settings["criteria"].split(",")]
    trials = comparison.trials(criteria, _ratios(settings["ratios"]), settings["layers"])
    if as_json:
        found = [_facts(trial) for trial in trials]
        show_json({"model": model, "original": _finite(asdict(original)), "trials": found})
        return
    out = console()
    judged = evaluation or data
    out.print(f"{model} on {judged}: {_shown(original)}")
    for where, own in _by_place(trials).items():
        out.print(_table(where, own))


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


def _by_place(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.where, []).append(trial)
    return found


def _table(where: str, trials: Sequence[Trial]) -> Any:
    ratios = list(dict.fromkeys(trial.ratio for trial in trials))
    rows: dict[tuple[str, str], list[str]] = {}
    for trial in trials:
        rows.setdefault((trial.criterion, "yes" if trial.fitted else "no"), []).append(_shown(trial.verdict))
    return table(
        where, ("criterion", "fitted", *(f"{r:g}" for r in ratios)), [(*k, *v) for k, v in rows.items()], left=2
    )


def _shown(verdict: Verdict) -> str:
    """The figure that says most: accuracy, else agreement with the original, else SQNR."""
    if verdict.top1 is not None:
        return f"{verdict.top1:.2f} %"
    if verdict.agreement is not None:
        return f"{verdict.agreement:.2f} % same"
    return f"{verdict.sqnr_db:.1f} dB"


def _facts(trial: Trial) -> dict[str, Any]:
    facts = asdict(trial)
    return {**facts, "verdict": _finite(facts["verdict"])}


def _finite(verdict: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no infinity: the SQNR of what is the same is null."""
    sqnr_db = verdict["sqnr_db"]
    return {**verdict, "sqnr_db": None if sqnr_db == float("inf") else sqnr_db}
