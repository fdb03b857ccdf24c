"""`planish rewrite`: make an ONNX model smaller and faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanishError
from ..files import STDOUT, check_output, write_model
from .console import console, json_option, note, output_option, show_json, table, verbose_option
from .lowrank_options import lowrank_options, make_lowrank
from .materials import Materials
from .max_drop import split_for_judging, trial_facts, trial_sentence
from .options import input_shape_option, parse_input_shapes
from .preprocessing_options import given_preprocessing, preprocessing_options
from .prune_options import absorbed, expanded, make_joint, make_prune, make_shrink, prune_options
from .quantize_options import make_quantize, quantize_options
from .sampling_options import given_sampling, sampling_options

if TYPE_CHECKING:
    from ..files import ModelParts
    from ..passes import Rewritten
    from ..passes.base import Pass
    from ..passes.calibration import Calibration
    from ..passes.plan import Plan
    from ..runtime_check.cost import ModelCost

EPILOG = """\b
Examples:
  planish rewrite --pass exact model.onnx -o fast.onnx
  planish rewrite --pass lowrank --ratio 2 model.onnx -o small.onnx
  planish rewrite --pass lowrank --speedup 2 --data images/ model.onnx -o small.onnx
  planish rewrite --pass prune --ratio 2 --data images/ model.onnx -o small.onnx
  planish rewrite --pass lowrank,prune --speedup 3 --data images/ model.onnx -o small.onnx
  planish rewrite --pass shrink model.onnx -o small.onnx
  planish rewrite --pass lowrank --ratio 2 --scope conv --save-plan plan.json model.onnx -o small.onnx
  planish rewrite --pass lowrank --plan plan.json model.onnx -o small.onnx
  planish rewrite --pass lowrank --layer conv2/3x3 --rank 96 model.onnx -o small.onnx
  planish rewrite --pass quantize --data images/ model.onnx -o int8.onnx
"""


@click.command(name="rewrite", epilog=EPILOG)
@click.argument("model", type=click.Path())
@output_option
@click.option("--pass", "names", required=True, metavar="NAME[,NAME...]", help="Passes to run, in this order.")
@click.option("--data", metavar="SRC", help="Calibration images: a folder, a list or csv, an .npz; no labels needed.")
@click.option("--labels", metavar="FILE", help="Labels for --data, for --max-drop alone.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Calibrate on N of them, chosen by --seed.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every choice that is made at random.")
@click.option("--target", default="onnxruntime", show_default=True, help="Runtime that shall become faster.")
@preprocessing_options
@sampling_options
@lowrank_options
@prune_options
@quantize_options
@click.option("--no-exact", is_flag=True, help="Do not begin with exact rewrites (the pass 'exact').")
@click.option("--measure", is_flag=True, help="Time exact rewrites on this machine; keep those that make it faster.")
@click.option("--opset", type=int, metavar="N", help="Version of the ONNX operators to write.")
@click.option("--fp16-weights", is_flag=True, help="Store weights as float16; they are computed with in float32.")
@input_shape_option
@json_option
@verbose_option
def command(
    model: str, output: str, names: str, input_shape: Sequence[str], save_plan: str | None, **settings: Any
) -> None:
    """Rewrite MODEL with one or more passes; MODEL itself is never changed."""
    from ..files import read_parts  # noqa: PLC0415 - keeps `planish --help` quick
    from ..passes import rewrite  # noqa: PLC0415
    from ..passes.targets import find_target  # noqa: PLC0415

    check_output(output, model)
    if save_plan:
        check_output(save_plan, model, output)
    shapes = parse_input_shapes(input_shape)
    wanted = _pass_names(names, settings)
    parts = read_parts(model)
    sampling = given_sampling(settings, save_plan)
    calibration = _calibration(model, parts, settings, shapes)
    materials = Materials(parts, calibration, sampling, find_target(settings["target"]), shapes)
    materials, max_drop = split_for_judging(wanted, settings, materials)
    passes = [_make_pass(name, settings, materials) for name in wanted if name not in absorbed(wanted)]
    rewritten = rewrite(
        parts,
        passes,
        shapes,
        exact=False,
        max_drop=max_drop,
        opset=settings["opset"],
        half_weights=settings["fp16_weights"],
    )
    if save_plan:
        _write_plans(rewritten.plans, save_plan)
    write_model(rewritten.parts, output)
    for line in () if sampling.cache is None else sampling.cache.notes:
        note(line)
    for line in (line for _, result in rewritten.results for line in result.notes):
        note(line)
    _show(rewritten, output, as_json=settings["as_json"], verbose=settings["verbose"])


def _calibration(
    model: str, parts: ModelParts, settings: dict[str, Any], shapes: dict[str, tuple[int, ...]]
) -> Calibration | None:
    from ..passes.calibration import open_calibration  # noqa: PLC0415

    preprocessing = given_preprocessing(model, settings)
    if settings["data"] is None:
        if preprocessing is not None:
            raise PlanishError("--mean, --scale, --resize and the like say how to read --data; give it, or leave them")
        return None
    return open_calibration(
        parts,
        settings["data"],
        preprocessing,
        labels=settings["labels"],
        limit=settings["limit"],
        seed=settings["seed"],
        input_shapes=shapes,
    )


def _pass_names(names: str, settings: dict[str, Any]) -> list[str]:
    """The passes asked for, the exact one first unless it is asked for elsewhere or not wanted."""
    wanted = expanded([name.strip() for name in names.split(",")], settings)
    if not settings["no_exact"]:
        return wanted if "exact" in wanted else ["exact", *wanted]
    if "exact" in wanted:
        raise PlanishError("--no-exact contradicts --pass exact; give one of them")
    if settings["measure"]:
        raise PlanishError("--measure times exact rewrites, which --no-exact leaves out; give one of them")
    return wanted


def _make_pass(name: str, settings: dict[str, Any], materials: Materials) -> Pass:
    """The pass of that name with the settings of the command line that concern it."""
    from ..passes.base import find_pass  # noqa: PLC0415
    from ..passes.exact import Exact  # noqa: PLC0415
    from ..passes.lowrank import Lowrank  # noqa: PLC0415
    from ..passes.prune import Prune, Shrink  # noqa: PLC0415
    from ..passes.quantize import Quantize  # noqa: PLC0415

    pass_class = find_pass(name)
    if pass_class is Exact:
        return Exact(target=materials.target, measured=settings["measure"], input_shapes=materials.shapes)
    if pass_class is Lowrank and settings["joint"]:
        return make_joint(settings, materials)
    if pass_class is Lowrank:
        return make_lowrank(settings, materials)
    if pass_class is Prune:
        return make_prune(settings, materials)
    if pass_class is Shrink:
        return make_shrink(settings, materials)
    if pass_class is Quantize:
        return make_quantize(settings, materials.calibration, materials.shapes)
    return pass_class()


def _write_plans(plans: Sequence[Plan], path: str) -> None:
    from ..passes.plan import write_plans  # noqa: PLC0415

    if not plans:
        raise PlanishError("--save-plan: none of the passes makes a plan")
    write_plans(plans, path)


def _show(rewritten: Rewritten, output: str, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        show_json(_document(rewritten, output))
        return
    out = console(stderr=output == STDOUT)
    before, after = rewritten.before, rewritten.after
    rows = [
        ("MACs", before.macs(), after.macs()),
        ("of convolutions", before.macs("conv"), after.macs("conv")),
        ("parameters", before.params(), after.params()),
        ("bytes of weights", before.bytes(), after.bytes()),
    ]
    shown = [(label, f"{b:,}", f"{a:,}", f"{b / a:.2f}" if a else "-") for label, b, a in rows if b or a]
    out.print(table(f"{output}", ("", "before", "after", "ratio"), shown))
    if rewritten.trial is not None:
        out.print(trial_sentence(rewritten.trial), soft_wrap=True)
    changes = [(name, change) for name, result in rewritten.results for change in result.changes]
    skips = [(name, skip) for name, result in rewritten.results for skip in result.skips]
    if verbose and changes:
        out.print(table("Changed", ("pass", "layer", "what"), [(n, c.where, c.what) for n, c in changes], left=3))
    if verbose and skips:
        out.print(table("Left alone", ("pass", "layer", "why"), [(n, s.where, s.why) for n, s in skips], left=3))
    if not verbose:
        out.print(f"{len(changes)} places changed, {len(skips)} left alone (-v names them)")


def _document(rewritten: Rewritten, output: str) -> dict[str, Any]:
    def facts(cost: ModelCost) -> dict[str, Any]:
        return {"macs": cost.macs(), "conv_macs": cost.macs("conv"), "params": cost.params(), "bytes": cost.bytes()}

    return {
        "output": output,
        "before": facts(rewritten.before),
        "after": facts(rewritten.after),
        **({} if rewritten.trial is None else {"max_drop": trial_facts(rewritten.trial)}),
        "passes": [
            {
                "pass": name,
                "changes": [{"layer": c.where, "what": c.what} for c in result.changes],
                "left_alone": [{"layer": s.where, "why": s.why} for s in result.skips],
                "notes": result.notes,
            }
            for name, result in rewritten.results
        ],
    }
