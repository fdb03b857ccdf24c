"""What a model wants to be fed: the names, shapes and types of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from ..errors import DataError, ModelError, nearest
from ..files import ModelParts, as_parts


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a model.

    Attributes:
        name: the graph input.
        shape: batch first; None where any size will do.
        dtype: of its elements.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]

    @property
    def sample_shape(self) -> tuple[int | None, ...]:
        """The shape of one sample, without the batch."""
        return self.shape[1:]

    def accepts(self, sample_shape: Sequence[int]) -> bool:
        """Whether a sample of this shape fits."""
        wanted = self.sample_shape
        return len(wanted) == len(sample_shape) and all(
            size in (None, given) for size, given in zip(wanted, sample_shape, strict=True)
        )

    def __str__(self) -> str:
        """Like `data: float32 (?, 3, 224, 224)`."""
        return f"{self.name}: {self.dtype} {format_shape(self.shape)}"


def format_shape(shape: Sequence[int | None]) -> str:
    """`(?, 3, 224, 224)`: '?' for any size."""
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"


def model_inputs(
    model: onnx.ModelProto | ModelParts, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> tuple[InputSpec, ...]:
    """The inputs of `model` that are no initializers.

    Args:
        model: any valid ONNX model.
        input_shapes: whole shapes of inputs by name, where the model leaves more than the batch open.

    Raises:
        ModelError: `input_shapes` names no input or contradicts the model; an input is no tensor.
    """
    parts = as_parts(model)
    initializers = {tensor.name for tensor in parts.model.graph.initializer} | set(parts.tensors)
    specs = {v.name: _spec(v) for v in parts.model.graph.input if v.name not in initializers}
    for name, shape in (input_shapes or {}).items():
        if name not in specs:
            raise ModelError(f"the model has no input '{name}'{nearest(name, specs)}; its inputs: {', '.join(specs)}")
        if not specs[name].accepts(shape[1:]):
            raise ModelError(f"--input-shape {name}={','.join(map(str, shape))} contradicts the model's {specs[name]}")
        specs[name] = InputSpec(name, (specs[name].shape[0], *shape[1:]), specs[name].dtype)
    return tuple(specs.values())


def common_inputs(a: Sequence[InputSpec], b: Sequence[InputSpec], where_a: str, where_b: str) -> tuple[InputSpec, ...]:
    """The inputs that both models can be fed with; a size that one of them leaves open is the other's.

    Raises:
        DataError: they want different things; the message tells which.
    """
    by_name = {spec.name: spec for spec in b}
    if {spec.name for spec in a} != set(by_name):
        raise DataError(
            f"{where_a} has the inputs {'; '.join(map(str, a))}, but {where_b} has {'; '.join(map(str, b))}; "
            "only models with the same inputs can be compared"
        )
    return tuple(_common(spec, by_name[spec.name], where_a, where_b) for spec in a)


def _common(a: InputSpec, b: InputSpec, where_a: str, where_b: str) -> InputSpec:
    sizes = list(zip(a.shape, b.shape, strict=False))
    if len(a.shape) != len(b.shape) or a.dtype != b.dtype or any(None not in s and s[0] != s[1] for s in sizes):
        raise DataError(f"{where_a} wants {a}, but {where_b} wants {b}; only models with the same inputs compare")
    return InputSpec(a.name, tuple(y if x is None else x for x, y in sizes), a.dtype)


def _spec(value: onnx.ValueInfoProto) -> InputSpec:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise ModelError(f"input '{value.name}' is no tensor; only models of tensors can be run here")
    shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in tensor.shape.dim)
    return InputSpec(value.name, shape, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)))
