"""`planish convert NETWORK`: a network of the catalogue to ONNX, its weights downloaded, given or made up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import PlanishError
from ..files import STDOUT, check_output, write_model
from .console import json_option, note, verbose_option
from .conversion_report import show_conversion

if TYPE_CHECKING:
    from ..models import Network

EPILOG = """\b
Examples:
  planish convert caffe_vgg16 -o vgg16.onnx
  planish convert caffe_vgg16 - > vgg16.onnx
  planish convert caffe_vgg16 --weights VGG_ILSVRC_16_layers.caffemodel -o vgg16.onnx
  planish convert caffe_vgg16 --random-weights 0 --batch 1 -o vgg16.onnx
  planish convert mxnet_resnet50 -o resnet50.onnx
"""


@click.command(name="catalogue", epilog=EPILOG)
@click.argument("network", metavar="NETWORK")
@click.argument("destination", required=False, metavar="[-]", type=click.Choice([STDOUT]))
@click.option("-o", "--output-file", "output", type=click.Path(), metavar="FILE", help="File to write; '-' is stdout.")
@click.option(
    "--weights", type=click.Path(), metavar="FILE", help="A caffemodel or .params of your own, instead of a download."
)
@click.option("--random-weights", type=int, metavar="SEED", help="Made-up weights, for speed studies.")
@click.option("--batch", type=click.IntRange(min=1), help="Fix the batch size; by default it is dynamic.")
@click.option("--opset", type=int, default=17, show_default=True, help="Opset of the ONNX model.")
@json_option
@verbose_option
def command(
    network: str,
    *,
    destination: str | None,
    output: str | None,
    weights: str | None,
    random_weights: int | None,
    batch: int | None,
    opset: int,
    as_json: bool,
    verbose: bool,
) -> None:
    """Convert NETWORK of the catalogue (`planish models`) to ONNX. A `-` writes to standard output.

    Published weights are downloaded once and kept in $PLANISH_CACHE, or in the system's folder for caches.
    """
    from ..converter.convert import convert_network  # noqa: PLC0415 - keeps `planish --help` quick
    from ..models import find_network  # noqa: PLC0415

    entry = find_network(network)
    target = _target(destination, output, as_json=as_json)
    if weights is not None and random_weights is not None:
        raise PlanishError("--weights contradicts --random-weights; give one of them")
    check_output(target, *([weights] if weights else []))
    trained = _weights(entry, weights) if random_weights is None else None
    parts = convert_network(network, entry, trained, random_weights=random_weights, batch=batch, opset=opset)
    write_model(parts, target)
    show_conversion(parts, target, as_json=as_json, verbose=verbose)


def _target(destination: str | None, output: str | None, *, as_json: bool) -> str:
    if (destination is None) == (output is None):
        raise PlanishError("say once where the model goes: -o FILE, or '-' for standard output")
    target = destination or output or STDOUT
    if target == STDOUT and as_json:
        raise PlanishError("--json contradicts '-': standard output takes the model; give -o FILE")
    return target


def _weights(entry: Network, given: str | None) -> Path:
    from ..models.download import is_here, weights_file  # noqa: PLC0415

    if given is not None:
        return Path(given)
    published = entry.weights
    if not is_here(published):
        note(f"downloading {published.file}, {published.bytes / 1e6:.0f} MB, license: {published.license}")
    if published.urls and published.checksum is None:
        note(f"warning: nobody has published a checksum of {published.file}; {published.note}")
    return weights_file(published)
