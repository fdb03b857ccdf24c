"""A click group that imports a subcommand's module only when it is used, so that `--help` answers at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from ..errors import nearest


class LazyGroup(click.Group):
    """A group whose subcommands are the attribute `command` of the modules in `subcommands`.

    Args:
        subcommands: module path by command name.
    """

    def __init__(self, *args: Any, subcommands: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._subcommands = dict(subcommands)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order they were given."""
        return list(self._subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return the subcommand, or None."""
        path = self._subcommands.get(cmd_name)
        if path is None:
            return None
        command: click.Command = importlib.import_module(path).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest known name in the error."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message}{nearest(args[0], self.list_commands(ctx))}", ctx) from error
