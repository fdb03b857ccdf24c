"""The options of `planish rewrite` that concern low rank, and the pass that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import PlanishError

if TYPE_CHECKING:
    from ..passes.budget import Goal, Unit
    from ..passes.lowrank import Lowrank
    from ..passes.plan import Plan
    from .materials import Materials

_F = TypeVar("_F", bound=Callable[..., Any])


def _parse_ranks(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """'32,48' as (32, 48)."""
    if value is None:
        return None
    ranks = value.split(",")
    if not all(rank.strip().isdecimal() and int(rank) >= 1 for rank in ranks):
        raise click.BadParameter(f"'{value}' is no whole number of at least 1, nor several with commas: 32 or 32,48")
    return tuple(int(rank) for rank in ranks)


_OPTIONS = (
    click.option("--ratio", type=float, help="Goal: MACs before over MACs after (default 2)."),
    click.option("--params-ratio", type=float, help="Goal: parameters before over parameters after."),
    click.option("--speedup", type=float, help="Goal: this many times faster on --target, at one thread."),
    click.option(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="Goal: as cheap as what is lost on held-out images of --data stays within this: top-1 accuracy where they "
        "have labels, else images whose class changes, else relative error of the output; all in percent.",
    ),
    click.option(
        "--ranks",
        type=click.Choice(["energy", "sensitivity", "niu"]),
        help="Rule that chooses ranks: accnn's energy of weights; sensitivity, measured on --data (default with it); "
        "niu, Niu et al.'s own, one step of the least sensitive layer after the other.",
    ),
    click.option(
        "--forms",
        metavar="FORM[,FORM...]",
        help="Low-rank forms to choose from: spatial, spatial_hv, channel, input_channel, tucker, separable, "
        "spatial_channel, gemm, pooled (default: those that suit --target).",
    ),
    click.option(
        "--scope",
        type=click.Choice(["all", "conv", "fc", "kxk"]),
        default="all",
        show_default=True,
        help="The layers that may be rewritten and that a ratio counts; kxk: convolutions larger than 1x1.",
    ),
    click.option(
        "--refine",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Measure sensitivities again with all other layers compressed, and choose ranks anew, N times.",
    ),
    click.option("--plan", "plan_file", type=click.Path(), help="Do what this plan (or accnn config.json) says."),
    click.option("--save-plan", type=click.Path(), help="Write the plan that was carried out."),
    click.option("--layer", help="Rewrite this layer alone, at --rank."),
    click.option("--rank", callback=_parse_ranks, metavar="K[,M]", help="The rank for --layer, or its two."),
)


def lowrank_options(function: _F) -> _F:
    """All of them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_lowrank(settings: Mapping[str, Any], materials: Materials, plan_of: str = "lowrank") -> Lowrank:
    """The pass that the options describe; a plan must be of `plan_of`.

    Raises:
        PlanishError: they contradict each other.
    """
    from ..passes.lowrank import Lowrank  # noqa: PLC0415 - keeps `planish --help` quick

    forms = [name.strip() for name in (settings["forms"] or "").split(",") if name.strip()]
    made = Lowrank(
        ranks=settings["ranks"],
        scope=settings["scope"],
        plan=given_plan(settings, plan_of),
        forms=forms,
        batches=materials.calibration,
        sampling=materials.sampling,
        refine=settings["refine"],
        target=materials.target,
        origin=materials.parts,
        input_shapes=materials.shapes,
    )
    goal = goal_of(settings)
    if goal is not None:
        made.goal = goal
    return made


_GOALS: Mapping[str, Unit] = {"ratio": "MACs", "params_ratio": "parameters", "speedup": "ms"}


def goal_of(settings: Mapping[str, Any]) -> Goal | None:
    """The goal that the options name; None where they name none, or one that has to be found by trying.

    Raises:
        PlanishError: they name two, or a plan besides.
    """
    from ..passes.budget import Goal  # noqa: PLC0415

    given = [name for name in (*_GOALS, "max_drop") if settings[name] is not None]
    if not given:
        return None
    options = ["--" + name.replace("_", "-") for name in given]
    if len(given) > 1:
        raise PlanishError(f"{' and '.join(options)} are two goals; give one of them")
    if settings["plan_file"] is not None or settings["layer"] is not None:
        raise PlanishError(f"{options[0]} contradicts --plan and --layer, which say all that is to be done")
    unit = _GOALS.get(given[0])
    return None if unit is None else Goal(unit, settings[given[0]])


def given_plan(settings: Mapping[str, Any], made_by: str) -> Plan | None:
    """The plan of the pass `made_by` that the options name; None where they name none.

    Raises:
        PlanishError: they contradict each other, or the file holds no plan of that pass.
    """
    from ..passes.lowrank.fitting import plan_for_layer  # noqa: PLC0415
    from ..passes.plan import find_plan, read_plans  # noqa: PLC0415

    plan_file, layer, rank = settings["plan_file"], settings["layer"], settings["rank"]
    if (layer is None) != (rank is None):
        raise PlanishError("--layer and --rank go together: --layer conv2 --rank 32")
    if plan_file is not None and layer is not None:
        raise PlanishError("--plan contradicts --layer; give one of them")
    if plan_file is not None:
        return find_plan(read_plans(plan_file), made_by, plan_file)
    return plan_for_layer(layer, rank) if layer is not None else None
