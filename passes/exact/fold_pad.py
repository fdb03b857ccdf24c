"""`fold_pad`: a Pad into the Conv or pooling after it.

Proof sketch: Conv pads its input with zeros itself, so zeros that a Pad adds on spatial axes may be its own.
AveragePool does so where it counts padding in its divisor. MaxPool pads with minus infinity; zeros are the same to it
if no element is negative, as after a Relu, and if every window holds an element, as pads smaller than the kernel
ensure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values
from .edit import bypass, scalar_value, sole_reader
from .rule import Rewrite, Rule, Scene

_READERS = frozenset({"Conv", "AveragePool", "MaxPool"})
_NOT_NEGATIVE = frozenset({"Relu", "Sigmoid", "Abs", "Exp", "Softmax", "HardSigmoid"})


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A constant Pad of spatial axes that one Conv, AveragePool or MaxPool alone reads."""
    reader = sole_reader(scene.graph, node.outputs[0])
    if reader is None or reader.op not in _READERS:
        return None
    pads, value = _pads(node), _value(node)
    if pads is None or value is None or node.attrs.get("mode", "constant") != "constant":
        return f"it does not pad with constants, so {reader.name} cannot take it over"
    rank = len(pads) // 2
    if any(pads[:2]) or any(pads[rank : rank + 2]) or min(pads) < 0:
        return "it pads batch or channels, or crops"
    spatial = [*pads[2:rank], *pads[rank + 2 :]]
    reason = _declines(node, reader, spatial, value)
    return reason or Rewrite(f"Pad folded into {reader.name}", lambda: _apply(scene.graph, node, reader, spatial))


def _pads(node: gs.Node) -> list[int] | None:
    """(begin of every axis, end of every axis); None if it is not constant."""
    if len(node.inputs) < 2:
        return list(node.attrs["pads"]) if "pads" in node.attrs else None
    if len(node.inputs) > 3 and node.inputs[3].name:
        return None
    values = constant_values(node.inputs[1])
    return None if values is None else [int(pad) for pad in values]


def _value(node: gs.Node) -> float | None:
    if len(node.inputs) < 3 or not node.inputs[2].name:
        return float(node.attrs.get("value", 0.0))
    return scalar_value(node.inputs[2])


def _declines(node: gs.Node, reader: gs.Node, spatial: Sequence[int], value: float) -> str | None:
    if reader.attrs.get("auto_pad", "NOTSET") not in {"NOTSET", "VALID"}:
        return f"{reader.name} pads its input by the size, auto_pad"
    if reader.op == "MaxPool":
        if value != -np.inf and not (value == 0 and _is_not_negative(node.inputs[0])):
            return f"{reader.name} pads with minus infinity, not with {value:g}"
    elif value != 0:
        return f"{reader.name} pads with 0, not with {value:g}"
    own = reader.attrs.get("pads", [0] * len(spatial))
    if reader.op == "AveragePool" and any(own) and not reader.attrs.get("count_include_pad", 0):
        return f"{reader.name} leaves its own padding out of its average"
    if reader.op == "Conv":
        return None
    if reader.attrs.get("ceil_mode", 0) or len(reader.outputs) > 1:
        return f"{reader.name} rounds its size up, or gives indices"
    kernel = list(reader.attrs["kernel_shape"]) * 2
    if any(a + b >= k for a, b, k in zip(own, spatial, kernel, strict=True)):
        return f"the padding would be as wide as the window of {reader.name}"
    return None


def _is_not_negative(tensor: gs.Tensor) -> bool:
    """Whether no element of `tensor` can be below 0."""
    if len(tensor.inputs) != 1:
        return False
    node: Any = tensor.inputs[0]
    if node.op in _NOT_NEGATIVE:
        return True
    if node.op == "Clip" and len(node.inputs) > 1 and node.inputs[1].name:
        low = scalar_value(node.inputs[1])
        return low is not None and low >= 0
    return node.op in {"MaxPool", "AveragePool"} and _is_not_negative(node.inputs[0])


def _apply(graph: gs.Graph, node: gs.Node, reader: gs.Node, spatial: Sequence[int]) -> None:
    own = reader.attrs.get("pads", [0] * len(spatial))
    reader.attrs["pads"] = [a + b for a, b in zip(own, spatial, strict=True)]
    reader.attrs.pop("auto_pad", None)
    if reader.op == "AveragePool":
        reader.attrs["count_include_pad"] = 1
    bypass(graph, node, node.inputs[0])


RULE = Rule("fold_pad", frozenset({"Pad"}), match)
