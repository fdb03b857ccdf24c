"""The options that say how an image becomes the model's input, wherever a command reads images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import os

    from ..preprocessing import Preprocessing

_F = TypeVar("_F", bound=Callable[..., Any])

_NUMBERS = "one number, or one per channel, with commas"

_OPTIONS = (
    click.option("--mean", metavar="M", help=f"Subtracted from the pixels 0..255: {_NUMBERS}."),
    click.option("--scale", metavar="S", help=f"Multiplied afterwards: {_NUMBERS}."),
    click.option("--channel-order", type=click.Choice(["RGB", "BGR", "GRAY"]), help="Of the input's channels."),
    click.option("--resize", type=click.Choice(["warp", "short", "none"]), help="Whole image, shorter side, or not."),
    click.option("--resize-to", type=click.IntRange(min=1), metavar="PIXELS", help="Side to resize to."),
    click.option("--crop", type=click.IntRange(min=1), metavar="PIXELS", help="Side of the centre crop."),
)


def preprocessing_options(function: _F) -> _F:
    """All of them; what they leave out the model's metadata says."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def given_preprocessing(model: str | os.PathLike[str], settings: Mapping[str, Any]) -> Preprocessing | None:
    """What the metadata of the file `model` says, changed by the options; None where these say nothing.

    Raises:
        ModelError: the model cannot be read.
        click.UsageError: a value is no list of numbers.
    """
    from ..files import read_parts  # noqa: PLC0415 - keeps `planish --help` quick
    from ..preprocessing import Preprocessing, read_preprocessing  # noqa: PLC0415

    changes = _changes(settings)
    if not changes:
        return None
    described = read_preprocessing(read_parts(model).model, str(model)) or Preprocessing()
    return described.with_changes(**changes)


def _changes(settings: Mapping[str, Any]) -> dict[str, Any]:
    crop, mean = settings["crop"], settings["mean"]
    changes = {
        "mean": None if mean is None else parse_numbers("--mean", mean),
        "mean_image": None if mean is None else "",
        "scale": None if settings["scale"] is None else parse_numbers("--scale", settings["scale"]),
        "size": None if crop is None else (crop, crop),
        **{name: settings[name] for name in ("channel_order", "resize", "resize_to")},
    }
    return {name: value for name, value in changes.items() if value is not None}


def parse_numbers(option: str, text: str) -> tuple[float, ...]:
    """`104,117,123` as numbers.

    Raises:
        click.UsageError: it is no such list; the message names `option`.
    """
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError as error:
        raise click.UsageError(f"{option} {text}: must be numbers with commas, like 104,117,123") from error
