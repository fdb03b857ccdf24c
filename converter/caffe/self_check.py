"""Runs a converted model once and compares its shapes with Caffe's own rules."""

from __future__ import annotations

import math

import numpy as np
import onnx
from numpy.typing import NDArray

from ...errors import ModelError, PlanishError
from ...files import ModelParts
from ...runtime_check.cost import count
from ...runtime_check.session import Session
from ..onnx_builder import BATCH
from .call import Blob
from .graph import GraphBuilder

_STAND_IN_BYTES = 2**22
"""Larger weights are stood in for by zeros that take no memory: shapes do not depend on them."""

_CHEAP_MACS = 3e9

MAX_ELEMENTS = 2**25
"""Values of the largest blob of a net that is run, 128 MB."""


def check_shapes(parts: ModelParts, graph: GraphBuilder) -> None:
    """Run the model on random input and compare each output's shape with the one that Caffe would give.

    A dynamic batch is run at another size than the declared one, so that a size which is baked in shows.

    Raises:
        ModelError: onnxruntime refuses the model, or gives other shapes.
    """
    batch = _other_batch(parts, graph.batch)
    largest = max(math.prod(_sizes(blob, graph.batch, batch)) for blob in [*graph.blobs.values(), *graph.fed.values()])
    if largest > MAX_ELEMENTS:
        graph.notes.append(f"not run in onnxruntime: a blob of {largest} values would take too much memory")
        return
    generator = np.random.default_rng(0)
    feeds: dict[str, NDArray[np.generic]] = {}
    for entry in graph.net.inputs:
        blob = graph.fed[entry.name]
        pixels = graph.embedding is not None and graph.embedding.preprocessing.input == entry.name
        dtype = graph.embedding.dtype if graph.embedding is not None and pixels else np.float32
        feeds[blob.tensor] = generator.random(_sizes(blob, graph.batch, batch), np.float32).astype(dtype)
    model = _skeleton(parts, feeds)
    try:
        answers = Session(model, name=graph.net.file).run(feeds)
    except PlanishError as error:
        raise ModelError(f"{error}; this is a bug of planish: please report it with the prototxt") from error
    for name in graph.net.outputs:
        blob = graph.blobs[name]
        _compare(
            f"{graph.net.file}: output '{name}'", answers[blob.tensor].shape, blob, _sizes(blob, graph.batch, batch)
        )


def _other_batch(parts: ModelParts, declared: int | None) -> int | None:
    """Another size than the declared one, unless that doubles a run of seconds; None where the batch is fixed."""
    if declared is None or declared > 1:
        return None if declared is None else 1
    try:
        return 2 if count(parts).macs() < _CHEAP_MACS else 1
    except ModelError:  # a size that only a run can tell
        return 2


def _sizes(blob: Blob, declared: int | None, batch: int | None) -> tuple[int, ...]:
    """The blob's shape at the batch size `batch`."""
    if batch is None or declared is None or blob.batch is None:
        return blob.shape
    actual = batch if blob.symbol == BATCH else max(batch, declared)
    return tuple(size * actual // declared if axis == blob.batch else size for axis, size in enumerate(blob.shape))


def _skeleton(parts: ModelParts, feeds: dict[str, NDArray[np.generic]]) -> onnx.ModelProto:
    """The model with its floats as inputs, which onnxruntime does not copy; adds them to `feeds`."""
    model = onnx.ModelProto()
    model.CopyFrom(parts.model)
    for name, array in parts.tensors.items():
        if array.dtype != np.float32 or array.size < 1024:  # small ones may be shapes, bounds and the like
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
            continue
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, array.shape))
        feeds[name] = array if array.nbytes <= _STAND_IN_BYTES else np.zeros(array.shape, np.float32)
    return model


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
