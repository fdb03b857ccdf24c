"""`planish report`: the page of a check, made again from its JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..files import STDOUT, check_output, replacing
from .console import output_option

EPILOG = """\b
Examples:
  planish check model.onnx small.onnx --profile --json > results.json
  planish report results.json -o report.html
"""


@click.command(name="report", epilog=EPILOG)
@click.argument("results", type=click.Path())
@output_option
def command(results: str, output: str) -> None:
    """Write a page of HTML from RESULTS, what `planish check --json` printed."""
    from ..runtime_check.report.html import to_html  # noqa: PLC0415 - keeps `planish --help` quick
    from ..runtime_check.report.restore import read_result  # noqa: PLC0415

    check_output(output, results)
    page = to_html(read_result(Path(results))).encode()
    if output == STDOUT:
        sys.stdout.buffer.write(page)
        return
    with replacing(output) as stream:
        stream.write(page)
