"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from ..errors import PlanishError

_F = TypeVar("_F", bound=Callable[..., Any])


def input_shape_option(function: _F) -> _F:
    """`--input-shape NAME=N,C,H,W`, as often as there are inputs."""
    return click.option(
        "--input-shape",
        multiple=True,
        metavar="NAME=N,C,H,W",
        help="Shape of an input whose size the model leaves open; may be repeated.",
    )(function)


def parse_input_shapes(values: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """`data=1,3,224,224` as {'data': (1, 3, 224, 224)}.

    Raises:
        PlanishError: a value is not of that form.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for value in values:
        name, equals, sizes = value.rpartition("=")
        try:
            shape = tuple(int(size) for size in sizes.split(","))
        except ValueError:
            shape = ()
        if not equals or not name or not shape or min(shape) < 1:
            raise PlanishError(f"--input-shape {value}: must be like data=1,3,224,224, sizes of at least 1")
        shapes[name] = shape
    return shapes
