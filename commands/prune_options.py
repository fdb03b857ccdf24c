"""The options of `planish rewrite` that concern channel pruning, and the pass that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .lowrank_options import given_plan, goal_of, make_lowrank

if TYPE_CHECKING:
    from ..passes.prune import Joint, Prune, Shrink
    from .materials import Materials

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--criterion",
        type=click.Choice(["lasso", "greedy", "magnitude", "first"]),
        help="Rule that chooses the channels that stay (default: lasso with --data, magnitude without).",
    ),
    click.option("--no-refit", is_flag=True, help="Leave the weights behind pruned channels as they are."),
    click.option("--keep", multiple=True, metavar="NAME", help="A layer that keeps its channels; may be repeated."),
    click.option("--prune-ends", is_flag=True, help="Prune the first and the last layer even where they lose most."),
    click.option(
        "--policy",
        type=click.Choice(["solver", "he2017"]),
        default="solver",
        show_default=True,
        help="How wide groups stay: by measured sensitivity, or as He et al. pruned VGG-16.",
    ),
    click.option(
        "--threshold",
        type=float,
        default=0.0,
        show_default=True,
        metavar="W",
        help="For --pass shrink: weights up to this magnitude count as zero.",
    ),
)

PRESETS = {"3c": (("lowrank", "prune"), "spatial,spatial_channel,gemm")}
"""Names that stand for several passes, and the low-rank forms that go with them where none are given."""


def prune_options(function: _F) -> _F:
    """All of them; goals, scope, plans and sampling are those of low rank."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def expanded(names: Sequence[str], settings: dict[str, Any]) -> list[str]:
    """The names of passes with presets written out; in `settings`, what goes with them."""
    wanted: list[str] = []
    for name in names:
        passes, forms = PRESETS.get(name, ((name,), settings["forms"]))
        wanted.extend(passes)
        settings["forms"] = settings["forms"] or forms
    settings["joint"] = {"lowrank", "prune"} <= set(wanted)
    return wanted


def absorbed(names: Sequence[str]) -> set[str]:
    """The passes that another one does besides: low rank and pruning share one goal."""
    return {"prune"} if "lowrank" in names else set()


def make_joint(settings: Mapping[str, Any], materials: Materials) -> Joint:
    """Low rank and pruning as the options describe both."""
    from ..passes.prune import Joint  # noqa: PLC0415 - keeps `planish --help` quick

    return Joint(
        lowrank=make_lowrank(settings, materials, Joint.name), prune=make_prune(settings, materials, Joint.name)
    )


def make_shrink(settings: Mapping[str, Any], materials: Materials) -> Shrink:
    """The pass that the options describe."""
    from ..passes.prune import Shrink  # noqa: PLC0415 - keeps `planish --help` quick

    return Shrink(threshold=settings["threshold"], input_shapes=materials.shapes)


def make_prune(settings: Mapping[str, Any], materials: Materials, plan_of: str = "prune") -> Prune:
    """The pass that the options describe; a plan must be of `plan_of`.

    Raises:
        PlanishError: they contradict each other.
    """
    from ..passes.prune import Prune  # noqa: PLC0415 - keeps `planish --help` quick

    made = Prune(
        criterion=settings["criterion"],
        fitted=not settings["no_refit"],
        scope=settings["scope"],
        plan=given_plan(settings, plan_of),
        protected=settings["keep"],
        ends=settings["prune_ends"],
        policy=settings["policy"],
        batches=materials.calibration,
        sampling=materials.sampling,
        target=materials.target,
        origin=materials.parts,
        input_shapes=materials.shapes,
    )
    goal = goal_of(settings)
    if goal is not None:
        made.goal = goal
    return made
