"""Every command line in the README and the docs is one that the command line understands."""

import re
import shlex
from pathlib import Path

import click
import pytest
from planish.commands import cli

ROOT = Path(__file__).parents[1]


def command_lines():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            found = re.match(r"    (planish .*)", line) or re.match(r"(planish .*)", line)
            if found and not re.search(r"[│┃`]|PATH$", line):
                yield pytest.param(found[1], id=f"{page.name}:{number}")


@pytest.mark.parametrize("line", list(command_lines()))
def test_it_is_understood(line):
    arguments = shlex.split(re.sub(r"\s+>.*|\s+#.*", "", line))[1:]
    command, context = cli, click.Context(cli, info_name="planish")
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(context, arguments)
        assert command is not None
    command.make_context(name, arguments, parent=context)


def test_there_are_command_lines():
    assert len(list(command_lines())) > 20
