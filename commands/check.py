"""`planish check`: what a model is and does, or what a rewrite of it cost and gained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..files import check_output, replacing
from .console import console, json_option, note, show_json, table, verbose_option
from .gate_options import gate_options
from .options import input_shape_option, parse_input_shapes
from .preprocessing_options import given_preprocessing, parse_numbers, preprocessing_options

if TYPE_CHECKING:
    from ..runtime_check.planned import PlannedLayer
    from ..runtime_check.result import CheckResult

EPILOG = """\b
Examples:
  planish check model.onnx --data images/ --labels val.txt
  planish check model.onnx small.onnx
  planish check model.onnx small.onnx --data val.csv --limit 500
  planish check model.onnx small.onnx --data val.npz --max-top1-drop 1 --min-speedup 1.5
  planish check detector.onnx small.onnx --data images/ --labels boxes.csv --max-quality-drop 1
  planish check faces.onnx small.onnx --data faces/ --pairs pairs.csv
  planish check model.onnx small.onnx --runtime all --report report.html
"""

PROFILE_RUNS = 15


@click.command(name="check", epilog=EPILOG)
@click.argument("model", type=click.Path())
@click.argument("other", type=click.Path(), required=False)
@click.option("--data", metavar="SRC", help="An .npz, an image folder or a list of images; default: random input.")
@click.option(
    "--labels", metavar="FILE", help="Labels for --data: a list of files and classes, classes alone, or boxes."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use N samples, chosen by --seed.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of samples and of random input.")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Samples per run, latency aside.")
@click.option(
    "--threads", default="1", show_default=True, metavar="N[,N...]", help="Of onnxruntime; the first number counts."
)
@click.option(
    "--latency-batch",
    default="1",
    show_default=True,
    metavar="N[,N...]",
    help="Samples per timed run; the first counts.",
)
@click.option(
    "--layer-samples", type=click.IntRange(min=0), default=4, show_default=True, help="Compare layers on N; 0: do not."
)
@click.option(
    "--task",
    type=click.Choice(["classification", "image", "embedding", "detection", "none"]),
    help="What the models are for; decides which figures mean something. Guessed from labels and outputs.",
)
@click.option("--pairs", metavar="FILE", help="Verification: lines of two images and 1 or 0, or LFW's pairs.txt.")
@click.option(
    "--iou",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Detection: overlap from which on an object is found.",
)
@click.option(
    "--nms",
    type=click.FloatRange(0, 1),
    default=0.45,
    show_default=True,
    help="Detection: overlap from which on the better box suppresses the other, where the model leaves that open.",
)
@click.option(
    "--layer-threshold",
    type=float,
    default=80.0,
    show_default=True,
    metavar="DB",
    help="SQNR under which a layer counts as different.",
)
@click.option(
    "--optimizations",
    type=click.Choice(["off", "all"]),
    default="off",
    show_default=True,
    help="Of onnxruntime in judging outputs: off judges the graph itself, all what will be deployed.",
)
@click.option(
    "--latency-seconds", type=float, default=5.0, show_default=True, help="How long to time the models; 0: not at all."
)
@preprocessing_options
@gate_options
@input_shape_option
@click.option("--profile", is_flag=True, help="Time every node, and show which stages got faster or slower.")
@click.option(
    "--runtime",
    "runtimes",
    metavar="NAME[,NAME...]",
    help="Try other runtimes: openvino, mnn, ncnn, opencv, litert, or all; NAME@PYTHON for another environment's.",
)
@click.option("--plan", type=click.Path(), metavar="FILE", help="The plan that made OTHER of MODEL, for the report.")
@click.option("--class-names", type=click.Path(), metavar="FILE", help="One name a line, for the report.")
@click.option("--report", type=click.Path(), metavar="FILE", help="Write a page of HTML with everything there is.")
@click.option("--junit", type=click.Path(), metavar="FILE", help="Write the gates as JUnit XML.")
@click.option("--markdown", type=click.Path(), metavar="FILE", help="Write a summary in GitHub's Markdown.")
@json_option
@verbose_option
def command(model: str, other: str | None, data: str | None, input_shape: Sequence[str], **settings: Any) -> int:
    """Measure MODEL, or compare OTHER with it: costs, output error, accuracy, latency. Exit code 1: a gate failed."""
    from ..runtime_check.check import check  # noqa: PLC0415 - keeps `planish --help` quick
    from ..runtime_check.gates import Thresholds  # noqa: PLC0415
    from ..runtime_check.labels import read_class_names  # noqa: PLC0415
    from ..runtime_check.report.html import load_packages  # noqa: PLC0415

    for path in filter(None, (settings["report"], settings["junit"], settings["markdown"])):
        check_output(path, model, *([other] if other else []))
    if settings["report"]:
        load_packages()
    result = check(
        model,
        other,
        data=data,
        labels=settings["labels"],
        preprocessing=given_preprocessing(model, settings),
        thresholds=Thresholds(**{field.name: settings[field.name] for field in fields(Thresholds)}),
        limit=settings["limit"],
        seed=settings["seed"],
        batch_size=settings["batch"],
        threads=_counts("--threads", settings["threads"]),
        task=settings["task"],
        pairs=settings["pairs"],
        least_overlap=settings["iou"],
        suppression_overlap=settings["nms"],
        optimizations=settings["optimizations"],
        input_shapes=parse_input_shapes(input_shape),
        layer_samples=settings["layer_samples"],
        layer_threshold_db=settings["layer_threshold"],
        latency_seconds=settings["latency_seconds"],
        latency_batches=_counts("--latency-batch", settings["latency_batch"]),
        profile_runs=PROFILE_RUNS if settings["profile"] or settings["report"] else 0,
        runtimes=settings["runtimes"].split(",") if settings["runtimes"] else (),
        plan=_planned(settings["plan"]) if settings["plan"] else (),
        class_names=read_class_names(Path(settings["class_names"])) if settings["class_names"] else (),
    )
    _write(result, settings)
    _show(result, as_json=settings["as_json"], verbose=settings["verbose"], profiled=settings["profile"])
    return 0 if result.passed else 1


def _planned(path: str) -> list[PlannedLayer]:
    """The plan's lines as the report shows them."""
    from ..passes.plan import read_plans  # noqa: PLC0415
    from ..runtime_check.planned import PlannedLayer  # noqa: PLC0415

    return [
        PlannedLayer(
            name,
            layer.form,
            tuple(layer.ranks),
            _pair(layer.facts.get("macs")),
            _pair(layer.facts.get("ms")),
            _number(layer.facts.get("error")),
            _number(layer.facts.get("sensitivity")),
        )
        for plan in read_plans(path)
        for name, layer in plan.layers.items()
    ]


def _pair(value: object) -> tuple[float, float] | None:
    """A plan's facts are for the reader, who may have changed them to anything."""
    numbers = [_number(one) for one in value] if isinstance(value, list) and len(value) == 2 else [None, None]
    return None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1])


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _counts(option: str, text: str) -> list[int]:
    numbers = parse_numbers(option, text)
    if any(number < 1 or number % 1 for number in numbers):
        raise click.UsageError(f"{option} {text}: must be whole numbers from 1, with commas")
    return [int(number) for number in numbers]


def _write(result: CheckResult, settings: dict[str, Any]) -> None:
    """The reports that were asked for."""
    from ..runtime_check.report.html import to_html  # noqa: PLC0415
    from ..runtime_check.report.junit import to_junit  # noqa: PLC0415
    from ..runtime_check.report.markdown import to_markdown  # noqa: PLC0415

    writers: dict[str, Callable[[CheckResult], bytes]] = {
        "report": lambda found: to_html(found).encode(),
        "junit": to_junit,
        "markdown": lambda found: to_markdown(found).encode(),
    }
    for name, make in writers.items():
        if settings[name]:
            content = make(result)
            with replacing(settings[name]) as stream:
                stream.write(content)


def _show(result: CheckResult, *, as_json: bool, verbose: bool, profiled: bool) -> None:
    from ..runtime_check.report.summary import (  # noqa: PLC0415
        RUNTIME_COLUMNS,
        STAGE_COLUMNS,
        columns,
        rows,
        runtime_problems,
        runtime_rows,
        stage_rows,
        statements,
        title,
    )

    if as_json:
        show_json(result.to_dict())
    else:
        out = console()
        out.print(table(title(result), columns(result), rows(result)))
        if profiled:
            out.print(table("Stages", STAGE_COLUMNS, stage_rows(result), left=2))
        if result.runtimes:
            out.print(table("Runtimes", RUNTIME_COLUMNS, runtime_rows(result), left=3))
            for line in runtime_problems(result):
                out.print(line, markup=False)
        for line in statements(result):
            out.print(line, markup=False)
        for gate in result.gates:
            out.print(f"{'passed' if gate.passed else 'FAILED'}  {gate}", markup=False)
        if verbose:
            _show_details(result)
    skipped = list(result.data.skipped.values())
    if skipped:
        note("left out:" + "".join(f"\n  {reason}" for reason in (skipped if verbose else skipped[:3])))
    failed = [gate for gate in result.gates if not gate.passed]
    if failed:
        note("gates that failed: " + "; ".join(str(gate) for gate in failed))


def _show_details(result: CheckResult) -> None:
    """What went into each model, where the error enters and how it grows, and which stage costs what."""
    from ..runtime_check.report.summary import LAYER_COLUMNS, layer_rows  # noqa: PLC0415

    out = console()
    for model in result.models:
        if model.preprocessing is not None:
            out.print(f"{model.name}: preprocessing: {model.preprocessing}", markup=False, soft_wrap=True)
    if result.layers:
        out.print(table("Tensors of both models", LAYER_COLUMNS, layer_rows(result), left=2))
