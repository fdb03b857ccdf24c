"""Compares the shapes of a converted model with those that MXNet's own rules gave while it was converted."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
from numpy.typing import NDArray

from ...errors import ModelError
from ...files import ModelParts
from ..self_check import run_once, skeleton
from .call import Value, numpy_type
from .graph import GraphBuilder
from .shapes import Shape, at_batch

_CHEAP_MACS = 3e9
"""Networks that multiply more often are not run: ONNX's shape inference tells their shapes."""

_MULTIPLYING = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def check_shapes(parts: ModelParts, graph: GraphBuilder, declared: int) -> None:
    """Compare each output's shape with the reader's, a dynamic batch at another size than the declared one.

    Raises:
        ModelError: onnxruntime refuses the model, or gives other shapes.
    """
    batch = 3 if declared == 2 else 2
    feeds = {
        name: _sample(at_batch(value.shape, batch), numpy_type(value.dtype)) for name, value in graph.fed().items()
    }
    if _macs(parts, graph) > _CHEAP_MACS:
        found = _inferred(parts, feeds)
    else:
        answers = run_once(parts, feeds, graph.symbol.where)
        found = {name: array.shape for name, array in answers.items()}
    for name, shape in graph.outputs.items():
        expected, given = at_batch(shape, batch), found[name]
        if given is not None and given != expected:
            raise ModelError(
                f"{graph.symbol.where}: output '{name}' has shape {given} in ONNX, but MXNet gives {expected}; "
                "this is a bug of planish: please report it with the symbol file"
            )


def _sample(shape: Shape, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Zeros, which as indices name the first element; a vector may hold lengths, which are one or more."""
    return np.full(shape, len(shape) == 1, dtype)


def _macs(parts: ModelParts, graph: GraphBuilder) -> float:
    """Multiplications at batch 1, of convolutions and matrix products with weights, by the reader's own shapes."""
    shapes = {value.tensor: value.shape for value in graph.values.values() if isinstance(value, Value)}
    total = 0.0
    for node in parts.model.graph.node:
        weight = parts.tensors.get(node.input[1]) if len(node.input) > 1 else None
        if node.op_type in _MULTIPLYING and weight is not None and weight.size and node.output[0] in shapes:
            total += prod(at_batch(shapes[node.output[0]], 1)) * weight.size / weight.shape[0]
    return total


def _inferred(parts: ModelParts, feeds: dict[str, NDArray[np.generic]]) -> dict[str, Shape | None]:
    """Shapes by ONNX's own inference; None where it cannot tell."""
    model, _ = skeleton(parts)
    for value in model.graph.input:
        if value.name in feeds:
            element = value.type.tensor_type.elem_type
            value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, element, feeds[value.name].shape))
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        known = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"{model.graph.name}: {error}; this is a bug of planish: please report it") from error
    return {value.name: _shape(value) for value in known.graph.output}


def _shape(value: onnx.ValueInfoProto) -> Shape | None:
    sizes = list(value.type.tensor_type.shape.dim)
    if not value.type.tensor_type.HasField("shape") or not all(axis.HasField("dim_value") for axis in sizes):
        return None
    return tuple(axis.dim_value for axis in sizes)
