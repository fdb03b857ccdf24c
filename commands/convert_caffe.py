"""`planish convert caffe`: a prototxt and its weights to ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import PlanishError
from ..files import STDOUT, check_output, write_model
from .console import json_option, output_option, verbose_option
from .conversion_report import show_conversion
from .layer_list import list_layers_option, show_caffe_layers
from .options import parse_input_shapes

EPILOG = """\b
Examples:
  planish convert caffe deploy.prototxt weights.caffemodel -o model.onnx
  planish convert caffe deploy.prototxt weights.caffemodel --mean 104,117,123 --channel-order BGR -o model.onnx
  planish convert caffe train_val.prototxt w.caffemodel --input-shape data=1,3,224,224 --output fc7 -o fc7.onnx
  planish convert caffe deploy.prototxt --random-weights 0 --batch 1 -o - > model.onnx
"""


@click.command(name="caffe", epilog=EPILOG)
@click.argument("prototxt", type=click.Path())
@click.argument("weights", type=click.Path(), required=False)
@output_option
@click.option("--batch", type=click.IntRange(min=1), help="Fix the batch size; by default it is dynamic.")
@click.option("--opset", type=int, default=17, show_default=True, help="Opset of the ONNX model.")
@click.option("--random-weights", type=int, metavar="SEED", help="Made-up weights, for speed studies.")
@click.option("--output", "outputs", multiple=True, metavar="BLOB", help="Cut the net: make BLOB an output.")
@click.option("--input", "inputs", multiple=True, metavar="BLOB", help="Cut the net: make BLOB an input.")
@click.option("--input-shape", "shapes", multiple=True, metavar="BLOB=N,C,H,W", help="Shape of an input.")
@click.option("--no-postprocessing", is_flag=True, help="Leave a detector's last layer (DetectionOutput) out.")
@click.option("--level", type=int, help="Level of the net's state, for include and exclude rules.")
@click.option("--stage", "stages", multiple=True, help="Stage of the net's state; may be repeated.")
@click.option("--mean", metavar="B,G,R|FILE", help="Subtracted from pixels: numbers, or a .binaryproto or .npy file.")
@click.option("--scale", metavar="S[,S,S]", help="Multiplied after the mean is subtracted.")
@click.option("--channel-order", type=click.Choice(["RGB", "BGR", "GRAY"]), help="Of the input [default: BGR].")
@click.option("--resize", type=click.Choice(["warp", "short", "none"]), help="How images come to size.")
@click.option("--resize-to", type=click.IntRange(min=1), metavar="PIXELS", help="Side after --resize, before the crop.")
@click.option("--embed-preprocessing", is_flag=True, help="Subtract the mean, scale and reorder inside the graph.")
@click.option("--uint8-input", is_flag=True, help="The same, on uint8 images (N, H, W, C).")
@click.option("--verify", type=click.Choice(["opencv"]), help="Compare numbers with OpenCV's Caffe reader.")
@list_layers_option(show_caffe_layers)
@json_option
@verbose_option
def command(prototxt: str, weights: str | None, output: str, **settings: Any) -> None:
    """Convert the net PROTOTXT with the caffemodel WEIGHTS to ONNX."""
    from ..converter.caffe import convert_caffe  # noqa: PLC0415 - keeps `planish --help` quick

    if output == STDOUT and settings["as_json"]:
        raise PlanishError("--json contradicts '-o -': standard output takes the model; give -o FILE")
    check_output(output, prototxt, *([weights] if weights else []))
    if weights is None and settings["random_weights"] is None:
        raise PlanishError(f"{prototxt}: give its caffemodel as second argument, or --random-weights SEED")
    parts = convert_caffe(
        prototxt,
        weights,
        batch=settings["batch"],
        opset=settings["opset"],
        random_weights=settings["random_weights"],
        preprocessing=_preprocessing(settings),
        outputs=settings["outputs"],
        inputs=settings["inputs"],
        input_shapes=parse_input_shapes(settings["shapes"]),
        level=settings["level"],
        stages=settings["stages"],
        postprocessing=not settings["no_postprocessing"],
        embed_preprocessing=settings["embed_preprocessing"],
        uint8_input=settings["uint8_input"],
        verify=settings["verify"] is not None,
    )
    write_model(parts, output)
    show_conversion(parts, output, as_json=settings["as_json"], verbose=settings["verbose"])


def _preprocessing(settings: dict[str, Any]) -> dict[str, Any]:
    """The fields that the options give; the net says the others."""
    given = {name: settings[name] for name in ("channel_order", "resize", "resize_to")}
    given["scale"] = _numbers("--scale", settings["scale"])
    mean = settings["mean"]
    if mean is not None and Path(mean).suffix in (".binaryproto", ".npy"):
        from ..converter.caffe.mean_file import mean_fields, read_mean  # noqa: PLC0415

        return given | mean_fields(read_mean(Path(mean)))
    return given | {"mean": _numbers("--mean", mean)}


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise PlanishError(f"{option} {text}: must be numbers separated by commas") from None
