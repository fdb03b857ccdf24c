"""Compares the shapes of a converted model with those that MXNet's own rules gave while it was converted."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from ...errors import ModelError
from ...files import ModelParts
from ...runtime_check.cost import count
from ..self_check import run_once, skeleton
from .call import numpy_type
from .graph import GraphBuilder
from .shapes import Shape, at_batch

_CHEAP_MACS = 3e9
"""Networks that multiply more often are not run: ONNX's shape inference tells their shapes."""


def check_shapes(parts: ModelParts, graph: GraphBuilder, declared: int) -> None:
    """Compare each output's shape with the reader's, a dynamic batch at another size than the declared one.

    Raises:
        ModelError: onnxruntime refuses the model, or gives other shapes.
    """
    batch = 3 if declared == 2 else 2
    feeds = {
        name: _sample(at_batch(value.shape, batch), numpy_type(value.dtype)) for name, value in graph.fed().items()
    }
    found = _inferred(parts, feeds) if _macs(parts) > _CHEAP_MACS else None
    if found is None:
        where = graph.symbol.where
        found = {name: array.shape for name, array in run_once(parts, feeds, where).items()}
    for name, shape in graph.outputs.items():
        expected = at_batch(shape, batch)
        if found[name] != expected:
            raise ModelError(
                f"{graph.symbol.where}: output '{name}' has shape {found[name]} in onnxruntime, but MXNet gives "
                f"{expected}; this is a bug of planish: please report it with the symbol file"
            )


def _sample(shape: Shape, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Numbers below one: as indices they name the first element. A vector may hold lengths, which are one or more."""
    values = np.random.default_rng(0).random(shape, np.float32) if len(shape) > 1 else np.ones(shape, np.float32)
    return values.astype(dtype)


def _macs(parts: ModelParts) -> float:
    try:
        return count(parts).macs()
    except ModelError:  # a size that only a run can tell
        return 0.0


def _inferred(parts: ModelParts, feeds: dict[str, NDArray[np.generic]]) -> dict[str, Shape] | None:
    """Shapes by ONNX's own inference; None where it cannot tell all."""
    model, _ = skeleton(parts)
    for value in model.graph.input:
        if value.name in feeds:
            element = value.type.tensor_type.elem_type
            value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, element, feeds[value.name].shape))
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    known = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    shapes = {}
    for value in known.graph.output:
        sizes = list(value.type.tensor_type.shape.dim)
        if not value.type.tensor_type.HasField("shape") or not all(axis.HasField("dim_value") for axis in sizes):
            return None
        shapes[value.name] = tuple(axis.dim_value for axis in sizes)
    return shapes
