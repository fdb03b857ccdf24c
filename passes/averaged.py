"""Layers of whose output only the mean over the positions counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from .graph import constant_values, is_output

POOL = "GlobalAveragePool"
_MAP_AXES = [2, 3]


@dataclass(frozen=True, slots=True)
class Averaged:
    """The activation between a layer and the mean over the positions.

    Attributes:
        low: below it the activation rises by `slope` only, and above it as the values do.
        high: above it, no more.
        slope: below `low`.
    """

    low: float = -np.inf
    high: float = np.inf
    slope: float = 0.0

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The activation of `values`."""
        below = self.slope * np.minimum(values - np.float32(self.low), 0) if self.slope else 0.0
        bent: NDArray[np.float32] = np.clip(values, self.low, self.high) + np.float32(below)
        return bent


def averaged(graph: gs.Graph, node: gs.Node) -> Averaged | None:
    """The activation behind `node`, if any, where nothing but a global average reads on; None where positions count."""
    reader = _only_reader(graph, node)
    found = Averaged()
    if reader is not None and reader.op in {"Relu", "LeakyRelu", "Clip"}:
        bounds = _bounds(reader)
        if bounds is None:
            return None
        found, reader = bounds, _only_reader(graph, reader)
    return found if reader is not None and _is_mean(reader) else None


def _only_reader(graph: gs.Graph, node: gs.Node) -> gs.Node | None:
    tensor = node.outputs[0]
    return tensor.outputs[0] if len(tensor.outputs) == 1 and not is_output(graph, tensor) else None


def _bounds(node: gs.Node) -> Averaged | None:
    if node.op == "Relu":
        return Averaged(low=0.0)
    if node.op == "LeakyRelu":
        return Averaged(low=0.0, slope=float(node.attrs.get("alpha", 0.01)))
    bounds = [node.attrs.get("min", -np.inf), node.attrs.get("max", np.inf)]
    for place, tensor in enumerate(node.inputs[1:3]):
        if tensor.name:
            values = constant_values(tensor)
            if values is None:
                return None
            bounds[place] = float(values)
    return Averaged(*bounds)


def _is_mean(node: gs.Node) -> bool:
    if node.op != "ReduceMean":
        return bool(node.op == POOL)
    axes = node.attrs.get("axes")
    if axes is None and len(node.inputs) > 1:
        axes = constant_values(node.inputs[1])
    return axes is not None and sorted(int(axis) % 4 for axis in np.ravel(axes)) == _MAP_AXES
