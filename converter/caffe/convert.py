"""The Caffe converter's API."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import ModelError, SourceError
from ...files import ModelParts
from ...preprocessing import Preprocessing
from ..onnx_builder import DEFAULT_OPSET
from .call import BatchBound
from .cut import cut, net_outputs
from .graph import MAX_ELEMENTS, GraphBuilder
from .net import Net, NetInput
from .preprocess import Embedding, net_preprocessing
from .self_check import check_shapes
from .sources import read_net_message, read_weights
from .structure import read_structure
from .verify import verify_with_opencv
from .weights import Weights

PathLike = str | os.PathLike[str]

OPSETS = range(13, 22)
"""Opsets that can be written. From 19 on onnxruntime up to 1.23 averages wrongly over asymmetric pads (bug 26708)."""


def convert_caffe(
    prototxt: PathLike,
    weights: PathLike | None = None,
    *,
    batch: int | None = None,
    opset: int = DEFAULT_OPSET,
    random_weights: int | None = None,
    preprocessing: Preprocessing | Mapping[str, Any] | None = None,
    embed_preprocessing: bool = False,
    uint8_input: bool = False,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    level: int | None = None,
    stages: Collection[str] = (),
    postprocessing: bool = True,
    check: bool = True,
    verify: bool = False,
) -> ModelParts:
    """Convert a Caffe net to ONNX; notes for the user stand in the metadata, under `planish.provenance`.

    Args:
        prototxt: the net's structure, as text or binary, of any generation.
        weights: the caffemodel.
        batch: fixes the batch size; by default it is dynamic, unless a layer is bound to the declared one.
        opset: of the ONNX model.
        random_weights: seed of He initialisation, in place of `weights`.
        preprocessing: a complete description of the input, or fields that replace those of the net's transform_param.
        embed_preprocessing: whether the graph itself subtracts the mean, scales and reorders channels; its input is
            then RGB pixels of 0..255.
        uint8_input: whether that input is uint8 (N, H, W, C) rather than float32 (N, C, H, W).
        outputs: blobs to be the outputs; by default those that no layer reads.
        inputs: blobs to be inputs in place of the layers that make them.
        input_shapes: shapes of inputs, in place of or in addition to the declared ones.
        level: of the net's state, for include and exclude rules; by default what the net says.
        stages: of the net's state, besides those that the net names.
        postprocessing: whether layers that turn a detector's raw answers into boxes are kept.
        check: whether the model is run once in onnxruntime to compare its shapes with Caffe's.
        verify: whether its numbers are compared with those of OpenCV's Caffe reader; notes say the outcome.

    Raises:
        SourceError: a file cannot be read, or contradicts itself or another.
        UnsupportedError: layers without ONNX form, all at once.
        ModelError: onnxruntime or OpenCV gives something else than Caffe's rules ask for.
    """
    _check_opset(opset)
    message = read_net_message(Path(prototxt))
    net = read_structure(message, level=level, stages=stages, postprocessing=postprocessing)
    source = read_weights(None if weights is None else Path(weights), net.layers, random_weights)
    net = _cut(net, source, outputs, inputs, {name: tuple(shape) for name, shape in (input_shapes or {}).items()})
    notes = list(net.notes)
    described = net_preprocessing(net, preprocessing, notes)
    embedding = _embedding(net, described, uint8=uint8_input) if embed_preprocessing or uint8_input else None
    graph = build_graph(net, source, opset=opset, batch=batch, notes=notes, embedding=embedding)
    if check:
        graph = _checked_in_onnxruntime(graph)
    if verify:
        graph.notes.extend(_verify(prototxt, weights, graph))
    _describe(graph, prototxt, weights, embedding.remaining() if embedding else described)
    return graph.builder.build()


def _check_opset(opset: int) -> None:
    if opset not in OPSETS:
        raise SourceError(f"opset {opset} cannot be written; give one of {OPSETS[0]} to {OPSETS[-1]}")


def _describe(
    graph: GraphBuilder, prototxt: PathLike, weights: PathLike | None, preprocessing: Preprocessing | None
) -> None:
    files = {"structure": Path(prototxt).name, "weights": Path(weights).name if weights else ""}
    graph.builder.describe(preprocessing, {"framework": "caffe", **files, "notes": graph.notes})


def _checked_in_onnxruntime(graph: GraphBuilder) -> GraphBuilder:
    """The graph after its self-check; with a fixed batch where it runs with the declared one only."""
    try:
        check_shapes(graph.builder.build(), graph)
    except ModelError as failure:
        if graph.batch is None:
            raise
        reason = str(failure).partition("; this is a bug")[0]
        notes = [*graph.notes, f"the batch size is fixed at {graph.batch}, because another does not run: {reason}"]
        graph = GraphBuilder(graph.net, graph.weights, graph.opset, None, notes, graph.embedding).run()
        check_shapes(graph.builder.build(), graph)
    return graph


def build_graph(
    net: Net,
    weights: Weights,
    *,
    opset: int,
    batch: int | None,
    notes: Sequence[str] = (),
    embedding: Embedding | None = None,
) -> GraphBuilder:
    """Convert every layer, with a dynamic batch where `batch` is None and no layer is bound to the declared size.

    Raises:
        SourceError: as of `convert_caffe`.
        UnsupportedError: as of `convert_caffe`.
    """
    declared = next((entry.shape[0] for entry in net.inputs if entry.shape), None)
    if batch is not None:
        net = replace(net, inputs=tuple(_with_batch(entry, declared, batch) for entry in net.inputs))
        return GraphBuilder(net, weights, opset, None, list(notes), embedding).run()
    try:
        return GraphBuilder(net, weights, opset, declared, list(notes), embedding).run()
    except BatchBound as bound:
        fixed = f"the batch size is fixed at {declared}: {bound}"
        return GraphBuilder(net, weights, opset, None, [*notes, fixed], embedding).run()


def _embedding(net: Net, described: Preprocessing | None, *, uint8: bool) -> Embedding:
    if described is None:
        raise SourceError(
            f"{net.file}: says nothing about preprocessing that could be embedded; give --mean or --scale"
        )
    return Embedding(described, uint8)


def _verify(prototxt: PathLike, weights: PathLike | None, graph: GraphBuilder) -> list[str]:
    """A note on each output."""
    if weights is None or graph.embedding is not None:
        raise SourceError("--verify needs a weights file and goes without --embed-preprocessing and --uint8-input")
    compared = verify_with_opencv(Path(prototxt), Path(weights), graph.builder.build(), graph)
    return [
        f"verified: output '{found.output}' differs from OpenCV's by {found.difference:.1e} of its largest value"
        if found.difference is not None
        else f"not verified: output '{found.output}': {found.reason}"
        for found in compared
    ]


def _with_batch(entry: NetInput, declared: int | None, batch: int) -> NetInput:
    if not entry.shape or entry.shape[0] != declared:
        return entry
    return replace(entry, shape=(batch, *entry.shape[1:]))


def _cut(
    net: Net, weights: Weights, outputs: Sequence[str], inputs: Sequence[str], shapes: Mapping[str, tuple[int, ...]]
) -> Net:
    """The net between inputs and outputs, every input with its shape."""
    fed = {name: shapes.get(name) for name in inputs}
    whole = replace(
        net, inputs=tuple(replace(entry, shape=shapes.get(entry.name, entry.shape)) for entry in net.inputs)
    )
    unknown = [name for name, shape in fed.items() if shape is None]
    if unknown:  # Caffe's shape rules know what reaches these blobs
        before = build_graph(_checked(cut(whole, unknown, {})), weights, opset=DEFAULT_OPSET, batch=None)
        fed.update({name: before.blobs[name].shape for name in unknown})
    chosen = cut(whole, outputs or net_outputs(whole), fed)
    stray = sorted(shapes.keys() - {entry.name for entry in chosen.inputs})
    if stray:
        raise SourceError(f"{net.file}: '{stray[0]}' is no input ({', '.join(entry.name for entry in chosen.inputs)})")
    return _checked(replace(chosen, outputs=tuple(outputs or net_outputs(whole))))


def _checked(net: Net) -> Net:
    for entry in net.inputs:
        where = f"{net.file}:{entry.line}: input '{entry.name}'"
        if entry.shape is None:
            raise SourceError(f"{where} has no shape; give --input-shape {entry.name}=1,3,224,224 or the like")
        if min(entry.shape, default=1) < 1 or max(entry.shape, default=1) >= 2**31:
            raise SourceError(f"{where} has shape {entry.shape}; every size must be at least 1 and fit into 32 bits")
        if math.prod(entry.shape) > MAX_ELEMENTS:
            raise SourceError(f"{where} of shape {entry.shape} has more than the {MAX_ELEMENTS} values of a blob")
    return net
