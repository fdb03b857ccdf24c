"""Runs a converted model once and compares its shapes with Caffe's own rules."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError
from ...files import ModelParts
from ...runtime_check.cost import count
from ..onnx_builder import BATCH
from ..self_check import run_once
from .call import Blob
from .graph import GraphBuilder

_CHEAP_MACS = 3e9
_MAX_MACS = 1e11

MAX_ELEMENTS = 2**24
"""Values of the largest blob of a net that is run, 64 MB."""


def check_shapes(parts: ModelParts, graph: GraphBuilder) -> None:
    """Run the model on random input and compare each output's shape with the one that Caffe would give.

    A dynamic batch is run at another size than the declared one, so that a size which is baked in shows.

    Raises:
        ModelError: onnxruntime refuses the model, or gives other shapes.
    """
    batch = _other_batch(parts, graph)
    reason = _too_heavy(parts, graph, batch)
    if reason:
        graph.notes.append(f"not run in onnxruntime: {reason}")
        return
    generator = np.random.default_rng(0)
    feeds: dict[str, NDArray[np.generic]] = {}
    for entry in graph.net.inputs:
        blob = graph.fed[entry.name]
        pixels = graph.embedding is not None and graph.embedding.preprocessing.input == entry.name
        dtype = graph.embedding.dtype if graph.embedding is not None and pixels else np.float32
        feeds[blob.tensor] = generator.random(_sizes(blob, graph.batch, batch), np.float32).astype(dtype)
    answers = run_once(parts, feeds, graph.net.file)
    for name in graph.net.outputs:
        blob = graph.blobs[name]
        _compare(
            f"{graph.net.file}: output '{name}'", answers[blob.tensor].shape, blob, _sizes(blob, graph.batch, batch)
        )


def _other_batch(parts: ModelParts, graph: GraphBuilder) -> int | None:
    """Another size than the declared one, unless that makes a long run longer; None where the batch is fixed."""
    if graph.batch is None:
        return None
    return 2 if graph.batch == 1 and _macs(parts) < _CHEAP_MACS and _largest(graph, 2) <= MAX_ELEMENTS else 1


def _too_heavy(parts: ModelParts, graph: GraphBuilder, batch: int | None) -> str:
    """Why a run would take too much memory or time, if it would."""
    largest, macs = _largest(graph, batch), _macs(parts)
    if largest > MAX_ELEMENTS:
        return f"a blob of {largest} values would take too much memory"
    return f"{macs:.1e} multiplications would take too much time" if macs > _MAX_MACS else ""


def _largest(graph: GraphBuilder, batch: int | None) -> int:
    blobs = [*graph.blobs.values(), *graph.fed.values()]
    return max(math.prod(_sizes(blob, graph.batch, batch)) for blob in blobs)


def _macs(parts: ModelParts) -> int:
    try:
        return count(parts).macs()
    except ModelError:  # a size that only a run can tell
        return 0


def _sizes(blob: Blob, declared: int | None, batch: int | None) -> tuple[int, ...]:
    """The blob's shape at the batch size `batch`."""
    if batch is None or declared is None or blob.batch is None:
        return blob.shape
    actual = batch if blob.symbol == BATCH else max(batch, declared)
    return tuple(size * actual // declared if axis == blob.batch else size for axis, size in enumerate(blob.shape))


def _compare(where: str, found: tuple[int, ...], blob: Blob, expected: tuple[int, ...]) -> None:
    free = blob.batch if blob.symbol != BATCH else None  # its size follows the data; Caffe's shape is the largest
    fits = len(found) == len(expected) and all(
        size == wanted or (axis == free and size <= wanted)
        for axis, (size, wanted) in enumerate(zip(found, expected, strict=True))
    )
    if not fits:
        raise ModelError(
            f"{where} has shape {found} in onnxruntime, but Caffe gives {expected}; this is a bug of planish: "
            "please report it with the prototxt"
        )
