"""The options of `planish rewrite` that concern channel pruning, and the pass that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .lowrank_options import given_plan, goal_of

if TYPE_CHECKING:
    from ..passes.prune import Prune
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
)


def prune_options(function: _F) -> _F:
    """All of them; goals, scope, plans and sampling are those of low rank."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_prune(settings: Mapping[str, Any], materials: Materials) -> Prune:
    """The pass that the options describe.

    Raises:
        PlanishError: they contradict each other.
    """
    from ..passes.prune import Prune  # noqa: PLC0415 - keeps `planish --help` quick

    made = Prune(
        criterion=settings["criterion"],
        fitted=not settings["no_refit"],
        scope=settings["scope"],
        plan=given_plan(settings),
        protected=settings["keep"],
        batches=materials.calibration,
        sampling=materials.sampling,
        target=materials.target,
        input_shapes=materials.shapes,
    )
    goal = goal_of(settings)
    if goal is not None:
        made.goal = goal
    return made
