"""`planish rewrite`: make an ONNX model smaller and faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanishError
from ..files import STDOUT, check_output, write_model
from .console import console, json_option, output_option, show_json, table, verbose_option
from .options import input_shape_option, parse_input_shapes

if TYPE_CHECKING:
    from ..passes import Rewritten
    from ..passes.base import Pass
    from ..passes.plan import Plan

EPILOG = """\b
Examples:
  planish rewrite --pass exact model.onnx -o fast.onnx
  planish rewrite --pass lowrank --ratio 2 model.onnx -o small.onnx
  planish rewrite --pass lowrank --ratio 2 --scope conv --save-plan plan.json model.onnx -o small.onnx
  planish rewrite --pass lowrank --plan plan.json model.onnx -o small.onnx
  planish rewrite --pass lowrank --layer conv2/3x3 --rank 96 model.onnx -o small.onnx
"""


@click.command(name="rewrite", epilog=EPILOG)
@click.argument("model", type=click.Path())
@output_option
@click.option("--pass", "names", required=True, metavar="NAME[,NAME...]", help="Passes to run, in this order.")
@click.option("--ratio", type=float, default=None, help="MACs before over MACs after (default 2).")
@click.option(
    "--ranks", type=click.Choice(["energy"]), default="energy", show_default=True, help="Rule for ranks."
)
@click.option(
    "--scope",
    type=click.Choice(["all", "conv", "fc"]),
    default="all",
    show_default=True,
    help="The layers that may be rewritten and that the ratio counts.",
)
@click.option("--plan", "plan_file", type=click.Path(), help="Do what this plan (or accnn config.json) says.")
@click.option("--save-plan", type=click.Path(), help="Write the plan that was carried out.")
@click.option("--layer", help="Rewrite this layer alone, at --rank.")
@click.option("--rank", type=click.IntRange(min=1), help="The rank for --layer.")
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
    from ..passes import rewrite  # noqa: PLC0415 - keeps `planish --help` quick

    check_output(output, model)
    if save_plan:
        check_output(save_plan, model, output)
    shapes = parse_input_shapes(input_shape)
    passes = [_make_pass(name, settings, shapes) for name in _pass_names(names, settings)]
    rewritten = rewrite(
        model, passes, shapes, exact=False, opset=settings["opset"], half_weights=settings["fp16_weights"]
    )
    plan = next((result.plan for _, result in rewritten.results if result.plan is not None), None)
    write_model(rewritten.parts, output)
    if save_plan:
        _write_plan(plan, save_plan)
    _show(rewritten, output, settings["scope"], as_json=settings["as_json"], verbose=settings["verbose"])


def _pass_names(names: str, settings: dict[str, Any]) -> list[str]:
    """The passes asked for, the exact one first unless it is asked for elsewhere or not wanted."""
    wanted = [name.strip() for name in names.split(",")]
    if not settings["no_exact"]:
        return wanted if "exact" in wanted else ["exact", *wanted]
    if "exact" in wanted:
        raise PlanishError("--no-exact contradicts --pass exact; give one of them")
    if settings["measure"]:
        raise PlanishError("--measure times exact rewrites, which --no-exact leaves out; give one of them")
    return wanted


def _make_pass(name: str, settings: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> Pass:
    """The pass of that name with the settings of the command line that concern it."""
    from ..passes.base import find_pass  # noqa: PLC0415
    from ..passes.exact import Exact  # noqa: PLC0415
    from ..passes.lowrank import Lowrank  # noqa: PLC0415

    pass_class = find_pass(name)
    if pass_class is Exact:
        return Exact(measured=settings["measure"], input_shapes=shapes)
    if pass_class is not Lowrank:
        return pass_class()
    plan = _given_plan(settings)
    ratio = settings["ratio"]
    if plan is not None and ratio is not None:
        raise PlanishError("--ratio contradicts --plan and --layer, which say all that is to be done; give one of them")
    return Lowrank(
        ratio=2.0 if ratio is None else ratio,
        ranks=settings["ranks"],
        scope=settings["scope"],
        plan=plan,
        input_shapes=shapes,
    )


def _given_plan(settings: dict[str, Any]) -> Plan | None:
    from ..passes.lowrank.fitting import plan_for_layer  # noqa: PLC0415
    from ..passes.plan import read_plan  # noqa: PLC0415

    plan_file, layer, rank = settings["plan_file"], settings["layer"], settings["rank"]
    if (layer is None) != (rank is None):
        raise PlanishError("--layer and --rank go together: --layer conv2 --rank 32")
    if plan_file is not None and layer is not None:
        raise PlanishError("--plan contradicts --layer; give one of them")
    if plan_file is not None:
        return read_plan(plan_file)
    return plan_for_layer(layer, rank) if layer is not None else None


def _write_plan(plan: Plan | None, path: str) -> None:
    if plan is None:
        raise PlanishError("--save-plan: none of the passes makes a plan")
    plan.write(path)


def _show(rewritten: Rewritten, output: str, scope: Any, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        show_json(_document(rewritten, output, scope))
        return
    out = console(stderr=output == STDOUT)
    before, after = rewritten.before, rewritten.after
    rows = [
        (f"MACs (scope {scope})", before.macs(scope), after.macs(scope)),
        ("MACs (all)", before.macs(), after.macs()),
        ("parameters", before.params(), after.params()),
        ("bytes of weights", before.bytes(), after.bytes()),
    ]
    shown = [(label, f"{b:,}", f"{a:,}", f"{b / a:.2f}" if a else "-") for label, b, a in rows if b or a]
    out.print(table(f"{output}", ("", "before", "after", "ratio"), shown if scope != "all" else shown[1:]))
    changes = [(name, change) for name, result in rewritten.results for change in result.changes]
    skips = [(name, skip) for name, result in rewritten.results for skip in result.skips]
    if verbose and changes:
        out.print(table("Changed", ("pass", "layer", "what"), [(n, c.where, c.what) for n, c in changes], left=3))
    if verbose and skips:
        out.print(table("Left alone", ("pass", "layer", "why"), [(n, s.where, s.why) for n, s in skips], left=3))
    if not verbose:
        out.print(f"{len(changes)} places changed, {len(skips)} left alone (-v names them)")


def _document(rewritten: Rewritten, output: str, scope: Any) -> dict[str, Any]:
    def facts(cost: Any) -> dict[str, Any]:
        return {"macs": cost.macs(), "macs_in_scope": cost.macs(scope), "params": cost.params(), "bytes": cost.bytes()}

    return {
        "output": output,
        "scope": scope,
        "before": facts(rewritten.before),
        "after": facts(rewritten.after),
        "passes": [
            {
                "pass": name,
                "changes": [{"layer": c.where, "what": c.what} for c in result.changes],
                "left_alone": [{"layer": s.where, "why": s.why} for s in result.skips],
            }
            for name, result in rewritten.results
        ],
    }
