"""The Caffe converter's API."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import SourceError
from ...files import ModelParts
from ...preprocessing import Preprocessing
from ..onnx_builder import DEFAULT_OPSET
from .caffemodel import read_caffemodel
from .call import BatchBound
from .graph import GraphBuilder
from .net import Net
from .structure import read_structure
from .text import parse_text
from .weights import RandomWeights, StoredWeights, Weights

PathLike = str | os.PathLike[str]


def convert_caffe(
    prototxt: PathLike,
    weights: PathLike | None = None,
    *,
    batch: int | None = None,
    opset: int = DEFAULT_OPSET,
    random_weights: int | None = None,
    preprocessing: Preprocessing | None = None,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> ModelParts:
    """Convert a Caffe net to ONNX.

    Args:
        prototxt: the net's structure, as text or binary, of any generation.
        weights: the caffemodel.
        batch: fixes the batch size; by default it is dynamic.
        opset: of the ONNX model.
        random_weights: seed of He initialisation, in place of `weights`.
        preprocessing: what the model's metadata says about its input.
        outputs: blobs to be the outputs; by default those that no layer reads.
        inputs: blobs to be inputs in place of the net's own.
        input_shapes: shapes of inputs, in place of or in addition to the declared ones.

    Returns:
        The model; its weights are views of the mapped caffemodel.

    Raises:
        SourceError: a file cannot be read, or contradicts itself or another.
        UnsupportedError: layers without ONNX form, all at once.
    """
    net = read_net(prototxt)
    source: Weights = _weights(net, weights, random_weights)
    declared = net.inputs[0].shape or (1,)
    try:
        graph = GraphBuilder(net, source, opset, declared[0] if batch is None else None)
        builder = graph.run(_outputs(net))
    except BatchBound as bound:
        graph = GraphBuilder(net, source, opset, None, notes=[f"batch size fixed at {declared[0]}: {bound}"])
        builder = graph.run(_outputs(net))
    builder.describe(preprocessing, {"framework": "caffe", "notes": graph.notes})
    return builder.build()


def read_net(path: PathLike) -> Net:
    """The net in a prototxt.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from error
    return read_structure(parse_text(text, str(path)))


def _weights(net: Net, path: PathLike | None, seed: int | None) -> Weights:
    if seed is not None:
        return RandomWeights(seed)
    if path is None:
        return StoredWeights([], "", net.layers)
    return StoredWeights(read_caffemodel(Path(path)), str(path), net.layers)


def _outputs(net: Net) -> list[str]:
    read = {bottom for layer in net.layers for bottom in layer.bottoms if bottom not in layer.tops}
    written = {top: None for layer in net.layers for top in layer.tops}
    return [top for top in written if top not in read]
