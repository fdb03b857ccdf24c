"""Which variables are data, what shape they have, and which of their axes follow the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError, nearest
from .attributes import Attributes
from .shapes import UNKNOWN_BATCH, Shape
from .symbol import VARIABLE, Node, Symbol

_UNKNOWN = (0, -1)
"""Sizes that MXNet infers."""


@dataclass(frozen=True, slots=True)
class InputShapes:
    """The shapes of a network's data.

    Attributes:
        shapes: by variable, at the batch size that was given or found.
        batch: that batch size: the first size of `data`, or of the first input.
    """

    shapes: Mapping[str, Shape]
    batch: int

    def dynamic(self) -> dict[str, Shape]:
        """Axes 0 of that size stand for any batch."""
        return self._with_batch(UNKNOWN_BATCH)

    def at_batch(self, batch: int) -> InputShapes:
        """The shapes at another batch size."""
        return InputShapes(self._with_batch(batch), batch)

    def _with_batch(self, batch: int) -> dict[str, Shape]:
        return {
            name: (batch, *shape[1:]) if shape and shape[0] == self.batch else shape
            for name, shape in self.shapes.items()
        }


def find_inputs(
    symbol: Symbol,
    order: Sequence[int],
    params: Mapping[str, NDArray[np.generic]],
    given: Mapping[str, Sequence[int]],
) -> InputShapes:
    """The data among the variables of `order`: those with a shape given, in the file, or inferred from weights.

    Raises:
        SourceError: a shape was given for a variable that the network does not have, or is no shape.
    """
    variables = [symbol.nodes[index] for index in order if symbol.nodes[index].operator == VARIABLE]
    everything = [node.name for node in symbol.nodes if node.operator == VARIABLE]
    for name, shape in given.items():
        if name not in everything:
            raise SourceError(
                f"{symbol.where}: has no input '{name}'{nearest(name, everything)}; its variables without parameters "
                f"are {', '.join(node.name for node in variables if node.name not in params) or 'none'}"
            )
        if any(size < 1 for size in tuple(shape)[1:]):
            raise SourceError(f"{symbol.where}: input '{name}': {tuple(shape)} is no shape; give positive sizes")
    shapes: dict[str, Shape] = {}
    for node in variables:
        found = given.get(node.name) or _found(symbol, node, params, order)
        if found:
            shapes[node.name] = (1 if found[0] in _UNKNOWN else found[0], *found[1:])
    first = shapes.get("data") or next(iter(shapes.values()), (1,))
    return InputShapes(shapes, first[0])


def _found(
    symbol: Symbol, node: Node, params: Mapping[str, NDArray[np.generic]], order: Sequence[int]
) -> Sequence[int] | None:
    """The shape that the file itself tells, if that is known but for the batch."""
    if node.name in params:
        return None
    hidden = Attributes(node.hidden, f"{symbol.where}: variable '{node.name}'")
    shape = hidden.integers("shape", ())
    if shape and not any(size < 1 for size in shape[1:]) and not _is_weight(symbol, node, order):
        return shape
    return _inferred(symbol, node, params, order)


def _is_weight(symbol: Symbol, node: Node, order: Sequence[int]) -> bool:
    """Whether some reader takes the variable for anything but its first input (`__shape__` stands on weights too)."""
    return any(
        symbol.nodes[entry.node] is node
        for index in order
        if symbol.nodes[index].operator in _WEIGHTED
        for entry in symbol.nodes[index].inputs[1:]
    )


_WEIGHTED = {
    *("Convolution", "Convolution_v1", "Deconvolution", "FullyConnected", "BatchNorm", "BatchNorm_v1", "LayerNorm"),
    *("GroupNorm", "InstanceNorm", "LeakyReLU", "Embedding", "UpSampling", "_contrib_SyncBatchNorm"),
}


def _inferred(
    symbol: Symbol, node: Node, params: Mapping[str, NDArray[np.generic]], order: Sequence[int]
) -> tuple[int, ...] | None:
    """Backwards from the weight (N, K) of a FullyConnected that reads the variable: (batch, K)."""
    for reader in (symbol.nodes[index] for index in order):
        if (
            reader.operator == "FullyConnected"
            and len(reader.inputs) > 1
            and node is symbol.nodes[reader.inputs[0].node]
        ):
            weight = params.get(symbol.nodes[reader.inputs[1].node].name)
            if weight is not None and weight.ndim == 2:
                return (1, weight.shape[1])
    return None
