"""What a handler gets: one layer, the graph under construction, its bottoms, parameters and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import SourceError
from ..onnx_builder import BATCH, OnnxBuilder
from .message import Message
from .net import Layer
from .weights import Weights

Shape = tuple[int, ...]


class UnsupportedLayer(Exception):  # noqa: N818 - not an error of its own: the driver collects all and raises one
    """This layer has no ONNX form; `args[0]` says why."""


class BatchBound(Exception):  # noqa: N818 - tells the driver to start again with a fixed batch
    """The graph would be right for the declared batch size only; `args[0]` says why."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A Caffe blob: its tensor in the graph, and its shape by Caffe's own rules.

    Attributes:
        tensor: name of the ONNX tensor.
        shape: sizes at the batch size that the net declares.
        batch: the axis whose size is known only when the model runs, or None. Where it follows the batch, its size is
            `shape[batch]` / declared batch times the actual batch; where it follows the data, at most `shape[batch]`.
        symbol: name of that axis's size in the ONNX model: 'batch', or another where it follows the data.
    """

    tensor: str
    shape: Shape
    batch: int | None = None
    symbol: str = BATCH

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One layer to convert.

    Attributes:
        layer: the layer.
        params: its parameter message (an empty one where the layer has none).
        builder: the ONNX graph under construction.
        bottoms: the blobs it reads.
        weights: where parameters come from.
        initializers: the weights that are in the graph already.
        notes: what the user will be told.
    """

    layer: Layer
    params: Message
    builder: OnnxBuilder
    bottoms: tuple[Blob, ...]
    weights: Weights
    initializers: Initializers
    notes: list[str] = field(default_factory=list)

    def bottom(self, index: int = 0) -> Blob:
        """The bottom at `index`.

        Raises:
            SourceError: the layer has fewer.
        """
        if index >= len(self.bottoms):
            raise self.error(f"has {len(self.bottoms)} bottoms where at least {index + 1} are needed")
        return self.bottoms[index]

    def axis(self, name: str, default: int, rank: int | None = None) -> int:
        """An axis option as a non-negative number; Caffe counts negative ones from the end.

        Args:
            name: the field.
            default: its default; may be negative too.
            rank: the rank it indexes, by default that of the first bottom.

        Raises:
            SourceError: there is no such axis.
        """
        rank = self.bottom(0).rank if rank is None else rank
        value = self.params.integer(name, default)
        if not -rank <= value < rank:
            raise self.error(f"{name} {value} is none of the {rank} axes of its bottom")
        return value % rank

    def node(self, operator: str, inputs: Sequence[str], *, name: str | None = None, **attributes: Any) -> str:
        """Append a node of this layer and return its output tensor.

        The node that makes the layer's first top is given the layer's name afterwards, unless a handler claims that
        name for its main node with `name=call.layer.name`.
        """
        return self.builder.node(operator, inputs, name=name or f"{self.layer.name}/{operator}", **attributes)

    def constant(self, value: ArrayLike, dtype: Any = np.float32) -> str:
        """A constant of this layer."""
        return self.builder.constant(value, f"{self.layer.name}/constant", dtype)

    def integers(self, values: int | Sequence[int]) -> str:
        """An int64 constant of this layer: axes, shapes, starts and ends."""
        return self.builder.integers(values, f"{self.layer.name}/constant")

    def reshape(self, tensor: str | Blob, shape: Sequence[int], *, batch: int | None = -1) -> str:
        """A Reshape to `shape`, in which the axis `batch` follows the actual batch; see `top` for its default."""
        target = list(shape)
        batch = self._batch_axis(batch)
        if batch is not None:
            target[batch] = -1
        return self.node("Reshape", [tensor.tensor if isinstance(tensor, Blob) else tensor, self.integers(target)])

    def reduce(self, operator: str, tensor: str, axes: Sequence[int], *, keepdims: int = 1) -> str:
        """A Reduce* node; the axes became an input with opset 13 (ReduceSum) and 18 (the others)."""
        if operator == "ReduceSum" or self.builder.opset >= 18:
            return self.node(operator, [tensor, self.integers(list(axes))], keepdims=keepdims)
        return self.node(operator, [tensor], axes=list(axes), keepdims=keepdims)

    def top(self, tensor: str, shape: Sequence[int], *, batch: int | None = -1, symbol: str | None = None) -> Blob:
        """A finished top.

        Args:
            tensor: the ONNX tensor; the driver renames it after the top's blob.
            shape: its shape by Caffe's rules, at the declared batch size.
            batch: the axis of dynamic size: by default (-1) that of the first bottom that has one; None: none.
            symbol: the name of its size, by default that of the same bottom.
        """
        axis = batch if symbol is not None else self._batch_axis(batch)
        inherited = next((bottom.symbol for bottom in self.bottoms if bottom.batch is not None), BATCH)
        return Blob(tensor, tuple(int(size) for size in shape), axis, symbol or inherited)

    def like(self, tensor: str) -> Blob:
        """A finished top of the first bottom's shape."""
        return self.top(tensor, self.bottom(0).shape)

    def weight(self, index: int, shape: Sequence[int], *, init: float | None = None) -> NDArray[np.float32]:
        """The layer's `index`-th blob, float32, checked against `shape` (axes of size 1 do not count).

        Args:
            index: position among the layer's blobs.
            shape: the shape Caffe would give it.
            init: its value where weights are made up (`random_weights`); None draws He's normal distribution.

        Raises:
            SourceError: it is missing or has another shape.
        """
        return self.weights.get(self.layer, index, tuple(shape), init)

    def parameter(self, index: int, shape: Sequence[int], *, init: float | None = None) -> str:
        """The same as an initializer; layers that share weights share it."""
        array = self.weight(index, shape, init=init)
        return self.initializers.add(self.builder, array, f"{self.layer.name}/{_PARAMETER_NAMES.get(index, index)}")

    def blob_count(self) -> int | None:
        """How many blobs the layer has in the weights file; None where weights are made up."""
        return self.weights.count(self.layer)

    def fix_batch(self, reason: str) -> None:
        """Declare that the graph is right for the declared batch size only; a no-op where the batch is fixed.

        Args:
            reason: a clause for the note to the user, say 'its Reshape names the batch size'.
        """
        for bottom in self.bottoms:
            if bottom.batch is not None and bottom.symbol == BATCH:
                raise BatchBound(f"{self.layer}: {reason}")
            if bottom.batch is not None:
                raise self.unsupported(f"the size of its bottom depends on the data ({bottom.symbol}), but {reason}")

    def same_batch(self) -> None:
        """Fix the batch where only some of the bottoms follow it."""
        if len({(bottom.batch, bottom.symbol) for bottom in self.bottoms}) > 1:
            self.fix_batch("only some of its bottoms follow the batch size")

    def note(self, text: str) -> None:
        """Tell the user something about this layer."""
        self.notes.append(f"{self.layer}: {text}")

    def error(self, text: str) -> SourceError:
        """An error that names file, line and layer: the net contradicts itself."""
        return SourceError(f"{self.layer}: {text}")

    def unsupported(self, reason: str) -> UnsupportedLayer:
        """To be raised where ONNX cannot say it; all of a net's layers are reported at once."""
        return UnsupportedLayer(f"{self.layer}: {reason}")

    def _batch_axis(self, batch: int | None) -> int | None:
        if batch is None or not any(bottom.batch is not None for bottom in self.bottoms):
            return None
        return next(bottom.batch for bottom in self.bottoms if bottom.batch is not None) if batch == -1 else batch


_PARAMETER_NAMES = {0: "weight", 1: "bias"}


@dataclass(frozen=True, slots=True)
class Initializers:
    """The weights that are in the graph already, so that shared ones are stored once."""

    names: dict[tuple[int, Shape], str] = field(default_factory=dict)
    arrays: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, builder: OnnxBuilder, array: NDArray[np.float32], name: str) -> str:
        """The name of `array`'s initializer, a new one unless the same memory was added before."""
        key = (array.__array_interface__["data"][0], array.shape)
        if key not in self.names or not array.size:
            self.names[key] = builder.constant(array, name)
            self.arrays.append(array)  # keeps the memory alive, and with it the key unique
        return self.names[key]
