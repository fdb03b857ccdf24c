"""What every command shows with: tables and JSON on standard output, notes and errors on standard error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import PlanishError

NARROW_COLUMNS = 100
"""Width of tables where standard output is no terminal, unless COLUMNS says otherwise."""

_F = TypeVar("_F", bound=Callable[..., Any])


def console(*, stderr: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = NARROW_COLUMNS
    return made


def show_error(error: PlanishError) -> None:
    """Print the message, unwrapped and without markup, on standard error."""
    click.echo(f"planish: {error}", err=True)


def show_json(document: Any) -> None:
    """Print a JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, sort_keys=False, allow_nan=False, default=str))


def note(message: str) -> None:
    """A line for the person who waits, on standard error."""
    click.echo(message, err=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> Table:
    """A table whose first `left` columns are text and whose others are numbers, aligned right."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index < left else "right", overflow="fold", no_wrap=index >= left)
    for row in rows:
        made.add_row(*map(escape, row))
    return made


def json_option(function: _F) -> _F:
    """`--json`: the report as JSON on standard output instead of tables."""
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")(function)


def verbose_option(function: _F) -> _F:
    """`-v`: say more."""
    return click.option("-v", "--verbose", is_flag=True, help="Say more about what is done and why.")(function)


def output_option(function: _F) -> _F:
    """`-o FILE`: where the result goes; '-' is standard output."""
    return click.option(
        "-o",
        "--output-file",
        "output",
        type=click.Path(),
        required=True,
        metavar="FILE",
        help="File to write; '-' is standard output.",
    )(function)
