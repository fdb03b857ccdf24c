"""`planish convert`: Caffe, MXNet or a network of the catalogue to ONNX."""

from __future__ import annotations

import click

from .group import LazyGroup
from .layer_list import list_layers_option, show_all_layers

EPILOG = """\b
Examples:
  planish convert caffe deploy.prototxt weights.caffemodel -o model.onnx
  planish convert mxnet model-prefix --epoch 10 -o model.onnx
  planish convert caffe_vgg16 -o vgg16.onnx
  planish convert caffe_vgg16 - > vgg16.onnx
"""


class ConvertGroup(LazyGroup):
    """Frameworks are subcommands; any other name is taken for one of the catalogue's networks."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """`convert NAME ...` is `convert catalogue NAME ...` unless NAME is a framework."""
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            args = ["catalogue", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=ConvertGroup,
    name="convert",
    epilog=EPILOG,
    subcommands={name: f"planish.commands.convert_{name}" for name in ("caffe", "mxnet", "catalogue")},
)
@list_layers_option(show_all_layers)
def command() -> None:
    """Convert a Caffe or MXNet network, or one of the catalogue (`planish models`), to ONNX."""
