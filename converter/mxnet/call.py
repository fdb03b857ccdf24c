"""What a handler gets: one operator, its options, inputs and weights, and the graph under construction."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray

from ...errors import SourceError
from ..folding import known_value
from ..onnx_builder import OnnxBuilder
from .attributes import Attributes
from .shapes import Shape, check_static, follows_batch, reshape_target
from .symbol import Node

ONNX_TYPES: dict[str, int] = {
    "float32": onnx.TensorProto.FLOAT,
    "int32": onnx.TensorProto.INT32,
    "int64": onnx.TensorProto.INT64,
    "uint8": onnx.TensorProto.UINT8,
    "int8": onnx.TensorProto.INT8,
    "bool": onnx.TensorProto.BOOL,
}
"""ONNX element types by MXNet's names; the other floating-point types are computed in float32."""


MOST_ELEMENTS = 1 << 27
"""Of a constant that a few options make; more is taken for a damaged file."""


class UnsupportedOperator(Exception):  # noqa: N818 - not an error of its own: the driver collects all and raises one
    """This operator has no ONNX form; `args[0]` says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the graph.

    Attributes:
        tensor: its name there.
        shape: by MXNet's own rules; a size may stand for the dynamic batch (shapes.py).
        dtype: MXNet's name of its type.
        open: whether it is a zero whose sizes of 1 MXNet would infer from what it meets (an RNN's begin_state).
    """

    tensor: str
    shape: Shape
    dtype: str = "float32"
    open: bool = False

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class Unbound:
    """A variable of which neither data nor shape are known yet.

    Attributes:
        name: of the variable.
    """

    name: str


Tensor: TypeAlias = "str | Value"


@dataclass(slots=True)
class Weights:
    """Makes initializers for variables that no file gives.

    Attributes:
        file: the params file, for errors; '' if there is none.
        seed: draws the weights at random; None refuses them.
        made: initializers made so far, by variable.
    """

    file: str = ""
    seed: int | None = None
    made: dict[str, Value] = field(default_factory=dict)

    def draw(self, builder: OnnxBuilder, variable: str, shape: Shape, init: float | None) -> Value:
        """He's normal distribution, variance 2 / fan-in (He et al., ICCV 2015), or the constant `init`."""
        if variable not in self.made:
            values = np.full(shape, init or 0.0, np.float32)
            if init is None:
                generator = np.random.default_rng([self.seed or 0, zlib.crc32(variable.encode())])
                values = generator.standard_normal(shape, dtype=np.float32)
                values *= np.float32(math.sqrt(2 / max(1, math.prod(shape[1:]))))
            self.made[variable] = Value(builder.constant(values, variable), shape)
        return self.made[variable]


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """One operator to convert.

    Attributes:
        node: the operator.
        options: its options.
        builder: the ONNX graph under construction.
        inputs: what it reads.
        weights: where weights come from that no file gives.
        notes: what the user will be told.
    """

    node: Node
    options: Attributes
    builder: OnnxBuilder
    inputs: tuple[Value | Unbound, ...]
    weights: Weights
    notes: list[str] = field(default_factory=list)

    @property
    def data(self) -> Value:
        """The first input."""
        return self.input(0)

    def input(self, index: int) -> Value:
        """The input at `index`.

        Raises:
            SourceError: it is not there, or a variable whose shape is not known.
        """
        if index >= len(self.inputs):
            raise self.error(f"has {len(self.inputs)} inputs where at least {index + 1} are needed")
        value = self.inputs[index]
        if isinstance(value, Unbound):
            raise self.error(
                f"reads '{value.name}', which is not among the parameters and has no known shape; "
                f"if it is an input, give --input-shape {value.name}=1,3,224,224 (its own numbers)"
            )
        return value

    def values(self) -> list[Value]:
        """All inputs."""
        return [self.input(index) for index in range(len(self.inputs))]

    def parameter(self, index: int, shape: Sequence[int], *, init: float | None = None) -> Value:
        """The input at `index` as a weight of `shape`.

        Args:
            index: among the inputs.
            shape: what MXNet would infer.
            init: its value where weights are made up; None draws He's normal distribution.

        Raises:
            SourceError: it is missing or has another shape.
        """
        variable = self.inputs[index] if index < len(self.inputs) else self.input(index)
        check_static(shape, "the shape of a weight follows the batch")
        if isinstance(variable, Unbound):
            if self.weights.seed is None:
                raise self.error(
                    f"its weight '{variable.name}' of shape {tuple(shape)} is not in "
                    f"{self.weights.file or 'any params file, and none was given'}"
                )
            return self.weights.draw(self.builder, variable.name, tuple(shape), init)
        if variable.shape != tuple(shape):
            raise self.error(f"input '{variable.tensor}' has shape {variable.shape} where {tuple(shape)} is expected")
        return variable

    def weight(self, index: int, shape: Sequence[int], *, init: float | None = None) -> NDArray[Any]:
        """The same as an array, for weights that are computed with while converting."""
        value = self.parameter(index, shape, init=init)
        return self.known(value)

    def known(self, value: Value) -> NDArray[Any]:
        """The value of a tensor that depends on constants alone.

        Raises:
            UnsupportedOperator: it depends on the data.
        """
        array = self.builder.tensors.get(value.tensor)
        if array is None:
            array = known_value(self.builder, value.tensor)
        if array is None:
            raise self.unsupported(f"its input '{value.tensor}' must be a constant, but depends on the data")
        return array

    def axis(self, key: str, default: int | str, rank: int | None = None) -> int:
        """An axis option as a non-negative number.

        Raises:
            SourceError: there is no such axis.
        """
        return self.check_axis(self.options.integer(key, default), self.data.rank if rank is None else rank)

    def check_axis(self, axis: int, rank: int) -> int:
        """`axis` counted from the front."""
        if not -rank <= axis < rank:
            raise self.error(f"axis {axis} is none of the {rank} axes of its input")
        return axis % rank

    def emit(self, operator: str, inputs: Sequence[Tensor], **attributes: Any) -> str:
        """Append an ONNX node and return its output tensor."""
        return self.emit_several(operator, inputs, 1, **attributes)[0]

    def emit_several(self, operator: str, inputs: Sequence[Tensor], outputs: int, **attributes: Any) -> list[str]:
        """Append an ONNX node with several outputs and return them."""
        for value in attributes.values():
            if isinstance(value, list | tuple):
                check_static((item for item in value if isinstance(item, int)), "an option follows the batch")
        name = f"{self.node.name}/{operator}"
        wanted = [f"{name}_out{index or ''}" for index in range(outputs)]
        return self.builder.node_with_outputs(
            operator, [_name(value) for value in inputs], wanted, name=name, **attributes
        )

    def constant(self, value: ArrayLike, dtype: Any = np.float32) -> str:
        """A constant of this operator."""
        return self.builder.constant(value, f"{self.node.name}/constant", dtype)

    def scalar(self, value: float, like: Value | None = None) -> str:
        """A constant without axes, of the type of `like` (the first input's)."""
        return self.constant(value, numpy_type((like or self.data).dtype))

    def integers(self, values: int | Sequence[int]) -> str:
        """An int64 constant: axes, shapes, starts and ends.

        Raises:
            BatchBoundError: one of them follows the batch.
        """
        check_static([values] if isinstance(values, int) else values, "a constant follows the batch")
        return self.builder.integers(values, f"{self.node.name}/constant")

    def range(self, size: int) -> str:
        """The numbers 0 to `size` - 1, int64.

        Raises:
            BatchBoundError: `size` follows the batch.
            SourceError: `size` is not positive, or absurd.
        """
        check_static([size], f"{self.node} counts along the batch")
        if not 0 < size <= MOST_ELEMENTS:
            raise self.error(f"counts to {size}")
        return self.constant(np.arange(size), np.int64)

    def reshape(self, tensor: Tensor, shape: Sequence[int]) -> str:
        """A Reshape to `shape`; done at once where the tensor is a constant."""
        array = self.builder.tensors.get(_name(tensor))
        if array is not None and not any(map(follows_batch, shape)):
            return self.builder.constant(array.reshape(shape), _name(tensor))
        return self.emit("Reshape", [tensor, self.integers(reshape_target(shape))])

    def cast(self, tensor: Tensor, dtype: str) -> str:
        """A Cast to one of MXNet's types."""
        return self.emit("Cast", [tensor], to=onnx_type(dtype))

    def value(self, tensor: str, shape: Sequence[int], dtype: str | None = None) -> Value:
        """A finished output; its type is the first input's by default."""
        return Value(tensor, tuple(shape), dtype or self.data.dtype, open=self.data.open)

    def like(self, tensor: str) -> Value:
        """A finished output of the first input's shape and type."""
        return replace(self.data, tensor=tensor)

    def note(self, text: str) -> None:
        """Tell the user something about this operator."""
        self.notes.append(f"{self.node}: {text}")

    def error(self, text: str) -> SourceError:
        """An error that names file and operator: the network contradicts itself."""
        return SourceError(f"{self.options.where}: {text}")

    def unsupported(self, reason: str) -> UnsupportedOperator:
        """To be raised where ONNX cannot say it; all of a network's operators are reported at once."""
        return UnsupportedOperator(f"{self.node}: {reason}")


def onnx_type(dtype: str) -> int:
    """The ONNX element type in which MXNet's `dtype` is computed."""
    return ONNX_TYPES.get(dtype, onnx.TensorProto.FLOAT)


def numpy_type(dtype: str) -> np.dtype[Any]:
    """The NumPy type in which MXNet's `dtype` is computed."""
    return np.dtype(dtype if dtype in ONNX_TYPES else "float32")


def _name(value: Tensor) -> str:
    return value if isinstance(value, str) else value.tensor
