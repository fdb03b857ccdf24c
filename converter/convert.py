"""One function for every source: Caffe, MXNet, and the catalogue's networks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ..files import ModelParts
from ..models import Network, find_network
from .caffe import convert_caffe


def convert(
    source: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None, **options: Any
) -> ModelParts:
    """Convert a network to ONNX.

    Args:
        source: a prototxt, an MXNet `-symbol.json`, or the name of a network of the catalogue.
        weights: the caffemodel or `.params` file; by default none, or what the catalogue's network published.
        options: of `convert_caffe` or `convert_mxnet`.

    Raises:
        PlanishError: the source cannot be converted; the message says why.
    """
    name = os.fspath(source)
    if name.endswith(".json"):
        from .mxnet import convert_mxnet  # noqa: PLC0415 - a Caffe net need not wait for it

        return convert_mxnet(name, weights, **options)
    if Path(name).suffix:
        return convert_caffe(name, weights, **options)
    return convert_network(name, find_network(name), weights, **options)


def convert_network(
    name: str, network: Network, weights: str | os.PathLike[str] | None = None, **options: Any
) -> ModelParts:
    """Convert a network of the catalogue, with its published weights unless others are given or made up."""
    if weights is None and options.get("random_weights") is None:
        from ..models.download import weights_file  # noqa: PLC0415 - needs pooch, which takes a while to import

        weights = weights_file(network.weights)
    options["preprocessing"] = network.preprocessing
    with tempfile.TemporaryDirectory() as folder:
        if network.framework == "mxnet":
            return _convert_symbol(Path(folder) / f"{name}-symbol.json", network.structure(), weights, options)
        prototxt = Path(folder) / f"{name}.prototxt"
        prototxt.write_text(network.structure(), encoding="utf-8")
        return convert_caffe(prototxt, weights, **options)


def _convert_symbol(
    path: Path, symbol: str, weights: str | os.PathLike[str] | None, options: dict[str, Any]
) -> ModelParts:
    """Convert the text of a symbol; its parameters are named as the file of weights names them.

    Files whose names have no '.' are of the older kind; so gluon's `Block.load_parameters` decides too.
    """
    from ..models.symbol import with_block_names  # noqa: PLC0415 - a Caffe net need not wait for MXNet's reader
    from .mxnet import convert_mxnet  # noqa: PLC0415
    from .mxnet.params import read_params  # noqa: PLC0415

    if weights is not None and not any("." in name for name in read_params(weights)):
        symbol = with_block_names(symbol)
    path.write_text(symbol, encoding="utf-8")
    return convert_mxnet(path, weights, **options)
