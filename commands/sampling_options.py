"""The options that say how calibration data is sampled, and where what is learnt from it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import PlanishError

if TYPE_CHECKING:
    from ..passes.cache import Cache
    from ..passes.statistics import Sampling

_F = TypeVar("_F", bound=Callable[..., Any])

FOLDER = "planish-cache"

_OPTIONS = (
    click.option(
        "--samples", type=click.IntRange(min=1), default=30, show_default=True, help="Positions sampled per image."
    ),
    click.option(
        "--memory",
        type=click.IntRange(min=1),
        default=1024,
        show_default=True,
        metavar="MB",
        help="What statistics may take at a time; layers are gathered in groups.",
    ),
    click.option(
        "--cache",
        "cache_folder",
        type=click.Path(),
        metavar="DIR",
        help=f"Keep what is learnt from --data here, for other goals (default: {FOLDER} beside --save-plan).",
    ),
    click.option("--no-cache", is_flag=True, help="Keep nothing of it."),
)


def sampling_options(function: _F) -> _F:
    """All of them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def given_sampling(settings: Mapping[str, Any], plan: str | None = None) -> Sampling:
    """The sampling that the options describe; its cache is the one asked for, or lies beside the file `plan`.

    Raises:
        PlanishError: they contradict each other, or the cache is no folder.
    """
    from ..passes.statistics import Sampling  # noqa: PLC0415 - keeps `planish --help` quick

    cache = _cache(settings, plan)
    return Sampling(settings["samples"], settings["seed"], settings["memory"] << 20, cache)


def _cache(settings: Mapping[str, Any], plan: str | None) -> Cache | None:
    from ..passes.cache import Cache  # noqa: PLC0415

    folder = settings["cache_folder"]
    if settings["no_cache"]:
        if folder is not None:
            raise PlanishError("--no-cache contradicts --cache; give one of them")
        return None
    if folder is None:
        return None if plan is None else Cache(Path(plan).parent / FOLDER)
    if Path(folder).exists() and not Path(folder).is_dir():
        raise PlanishError(f"--cache {folder}: is no folder; give the path of one, which is made if it does not exist")
    return Cache(folder)
