"""`--list-layers`: what can be converted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .console import console, table

_F = TypeVar("_F", bound=Callable[..., Any])


def list_layers_option(show: Callable[[], None]) -> Callable[[_F], _F]:
    """`--list-layers`: print what `show` prints, and stop."""

    def stop_after_showing(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
        if wanted:
            show()
            context.exit()

    return click.option(
        "--list-layers",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=stop_after_showing,
        help="Show what is supported, with options or aliases and the definition each follows.",
    )


def show_all_layers() -> None:
    """Print what can be converted from every framework."""
    show_caffe_layers()
    show_mxnet_operators()


def show_mxnet_operators() -> None:
    """Print every registered MXNet operator, its aliases and the definition it follows."""
    from ..converter.mxnet.registry import operators  # noqa: PLC0415 - keeps `planish --help` quick

    rows = [(entry.name, ", ".join(entry.aliases), entry.summary, entry.source) for entry in operators()]
    columns = ("operator", "aliases", "meaning", "definition")
    console().print(table(f"{len(rows)} MXNet operators", columns, rows, left=4))


def show_caffe_layers() -> None:
    """Print every registered Caffe layer type, its options and the definition it follows."""
    from ..converter.caffe.registry import layer_types  # noqa: PLC0415 - keeps `planish --help` quick

    rows = [(kind.name, ", ".join(kind.options), kind.source) for kind in layer_types()]
    console().print(table(f"{len(rows)} Caffe layer types", ("type", "options", "definition"), rows, left=3))
