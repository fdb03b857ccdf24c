"""`planish convert mxnet`: a symbol file and its parameters to ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import PlanishError
from ..files import STDOUT, check_output, write_model
from .console import json_option, output_option, verbose_option
from .conversion_report import show_conversion
from .layer_list import list_layers_option, show_mxnet_operators
from .options import parse_input_shapes

EPILOG = """\b
Examples:
  planish convert mxnet model --epoch 10 --input-shape data=1,3,224,224 -o model.onnx
  planish convert mxnet --symbol net-symbol.json --params net-0000.params --input-shape data=1,3,112,112 -o net.onnx
  planish convert mxnet model --input-shape data=1,3,112,112 --output fc1_output --strip-preprocessing -o fc1.onnx
  planish convert mxnet model --input-shape data=1,3,224,224 --verify mxnet --verify-python /tmp/mx/bin/python -o m.onnx
"""


@click.command(name="mxnet", epilog=EPILOG)
@click.argument("prefix", required=False)
@output_option
@click.option("--epoch", type=click.IntRange(min=0), help="Number in the params file's name [default: the last].")
@click.option("--symbol", type=click.Path(), metavar="FILE", help="The -symbol.json, instead of PREFIX.")
@click.option("--params", type=click.Path(), metavar="FILE", help="The .params, instead of PREFIX.")
@click.option("--input-shape", "shapes", multiple=True, metavar="NAME=N,C,H,W", help="Shape of an input.")
@click.option("--output", "outputs", multiple=True, metavar="NAME", help="Cut the network: make NAME_output an output.")
@click.option("--batch", type=click.IntRange(min=1), help="Fix the batch size; by default it is dynamic.")
@click.option("--opset", type=int, default=17, show_default=True, help="Opset of the ONNX model.")
@click.option("--random-weights", type=int, metavar="SEED", help="Made-up weights, for speed studies.")
@click.option("--strip-preprocessing", is_flag=True, help="Move scalar normalization at the input into the metadata.")
@click.option("--channel-order", type=click.Choice(["RGB", "BGR", "GRAY"]), help="Of the input, for the metadata.")
@click.option("--verify", type=click.Choice(["mxnet"]), help="Compare numbers with MXNet's own.")
@click.option("--verify-python", type=click.Path(), metavar="PATH", help="Python in which MXNet is installed.")
@list_layers_option(show_mxnet_operators)
@json_option
@verbose_option
def command(prefix: str | None, output: str, **settings: Any) -> None:
    """Convert the network PREFIX-symbol.json with PREFIX-NNNN.params to ONNX."""
    from ..converter.mxnet import convert_mxnet  # noqa: PLC0415 - keeps `planish --help` quick
    from ..preprocessing import Preprocessing  # noqa: PLC0415

    if output == STDOUT and settings["as_json"]:
        raise PlanishError("--json contradicts '-o -': standard output takes the model; give -o FILE")
    if (settings["verify"] is None) != (settings["verify_python"] is None):
        raise PlanishError("--verify mxnet and --verify-python PATH go together; give both")
    symbol, params = _files(prefix, settings)
    check_output(output, symbol, *([params] if params else []))
    order = settings["channel_order"]
    parts = convert_mxnet(
        symbol,
        params,
        input_shapes=parse_input_shapes(settings["shapes"]),
        batch=settings["batch"],
        opset=settings["opset"],
        outputs=settings["outputs"],
        random_weights=settings["random_weights"],
        strip_preprocessing=settings["strip_preprocessing"],
        preprocessing=Preprocessing(input="data", channel_order=order) if order else None,
        verify_python=settings["verify_python"],
    )
    write_model(parts, output)
    show_conversion(parts, output, as_json=settings["as_json"], verbose=settings["verbose"])


def _files(prefix: str | None, settings: dict[str, Any]) -> tuple[Path, Path | None]:
    """Symbol and params, by prefix or one by one."""
    from ..converter.mxnet.checkpoint import checkpoint_files  # noqa: PLC0415

    symbol, params = settings["symbol"], settings["params"]
    if prefix is not None and symbol is None and params is None and settings["random_weights"] is None:
        return checkpoint_files(prefix, settings["epoch"])
    if prefix is not None and symbol is None:
        symbol = prefix if prefix.endswith(".json") else f"{prefix}-symbol.json"
    if symbol is None:
        raise PlanishError("give the checkpoint's PREFIX, or --symbol FILE and --params FILE")
    if params is None and settings["random_weights"] is None:
        raise PlanishError(f"{symbol}: give its --params FILE, or --random-weights SEED")
    return Path(symbol), None if params is None else Path(params)
