"""The command line: one file per command, each thin: parse, call the API, show.

Exit codes: 0 done, 1 a gate failed, 2 the input cannot be used (a `PlanishError`, or wrong arguments).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ..errors import CancelledError, PlanishError
from .console import show_error
from .group import LazyGroup

EPILOG = """\b
Examples:
  planish convert caffe deploy.prototxt weights.caffemodel -o model.onnx
  planish rewrite --pass lowrank --ratio 2 model.onnx -o small.onnx
  planish check model.onnx small.onnx --data images/
"""


@click.group(
    cls=LazyGroup,
    subcommands={
        name: f"planish.commands.{name.replace('-', '_')}"
        for name in (
            *("convert", "rewrite", "check", "report", "inspect", "sensitivity", "models"),
            *("calibrate-target", "compare-criteria"),
        )
    },
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="planish", message="%(prog)s %(version)s")
def cli() -> None:
    """Convert trained CNNs (Caffe, MXNet) to ONNX, make them smaller and faster, and prove what that cost."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        result = cli.main(args=arguments, prog_name="planish", standalone_mode=False)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        show_error(CancelledError("interrupted; nothing was written"))
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 2
    except PlanishError as error:
        show_error(error)
        return 2
    return result if isinstance(result, int) else 0
