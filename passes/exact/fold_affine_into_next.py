"""`fold_affine_into_next`: batch normalization and scale layers into the Conv or Gemm after them.

Proof sketch: a layer reads z = s x + t for each of its C input channels and computes W z + b. Where no padding stands
beside z, that is (W diag(s)) x + (b + W t): the same layer with other constants. Padding is 0 in z but would have to be
-t/s in x, so with padding only maps without a shift (t = 0) can be folded.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values
from .affine import AFFINE, Affine, affine_of
from .edit import bypass, constant, operand_and_constant, producer, sole_reader
from .rule import Rewrite, Rule, Scene

_Weights = tuple[NDArray[np.generic], NDArray[np.generic]]
"""Weight and bias."""

_LAYERS_BEFORE = frozenset({"Conv", "ConvTranspose", "Gemm"})


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """An affine map that a Conv or Gemm with constant weights alone reads; declines a shift before padding."""
    operand = next((tensor for tensor in node.inputs if isinstance(tensor, gs.Variable)), None)
    layer = sole_reader(scene.graph, node.outputs[0])
    if operand is None or layer is None or layer.op not in {"Conv", "Gemm"} or layer.inputs[0] is not node.outputs[0]:
        return None
    if any(producer(operand, op) for op in _LAYERS_BEFORE) and len(operand.outputs) == 1:
        return None  # belongs to that layer: `fold_affine`
    if node.op != "BatchNormalization" and operand_and_constant(node) is None:
        return None
    weight, bias = constant_values(layer.inputs[1]), _bias(layer)
    if weight is None or bias is None or (layer.op == "Gemm" and not _is_plain_gemm(layer)):
        return f"{layer.name} has no constant weights, or scales its operands"
    channels = _input_channels(layer, weight)
    affine = affine_of(node, operand, channels, weight.ndim)
    if isinstance(affine, str):
        return affine
    if not affine.is_finite:
        return "the folded weights would not be finite"
    if np.any(affine.shift) and _is_padded(layer):
        return f"{layer.name} pads its input, and the padding would not be shifted"
    folded = _folded(layer, weight, bias, affine, channels)
    if not all(np.isfinite(values).all() for values in folded):
        return "the folded weights would not be finite"
    return Rewrite(f"{node.op} folded into {layer.name}", lambda: _apply(scene.graph, node, layer, folded))


def _bias(layer: gs.Node) -> NDArray[np.float64] | None:
    """The bias of a layer, one zero where it has none; None where it is not constant."""
    if len(layer.inputs) < 3 or not layer.inputs[2].name:
        return np.zeros(1)
    values = constant_values(layer.inputs[2])
    return None if values is None else values.astype(np.float64).reshape(-1)


def _is_plain_gemm(layer: gs.Node) -> bool:
    attributes = layer.attrs
    return attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1.0 and not attributes.get("transA", 0)


def _input_channels(layer: gs.Node, weight: NDArray[np.generic]) -> int:
    if layer.op == "Conv":
        return int(weight.shape[1]) * int(layer.attrs.get("group", 1))
    return int(weight.shape[1 if layer.attrs.get("transB", 0) else 0])


def _is_padded(layer: gs.Node) -> bool:
    return any(layer.attrs.get("pads", ())) or layer.attrs.get("auto_pad", "NOTSET") not in {"NOTSET", "VALID"}


def _folded(
    layer: gs.Node, weight: NDArray[np.generic], bias: NDArray[np.float64], affine: Affine, channels: int
) -> _Weights:
    scale, shift = np.broadcast_to(affine.scale, channels), np.broadcast_to(affine.shift, channels)
    wide = weight.astype(np.float64)
    if layer.op == "Gemm":
        transposed = bool(layer.attrs.get("transB", 0))
        new_bias = bias + (wide @ shift if transposed else shift @ wide)
        new_weight = wide * (scale if transposed else scale[:, None])
    else:
        group = int(layer.attrs.get("group", 1))
        filters = wide.reshape(group, -1, *wide.shape[1:])
        over_channels = (group, 1, wide.shape[1], *[1] * (wide.ndim - 2))
        new_bias = bias + (filters * shift.reshape(over_channels)).reshape(len(wide), -1).sum(axis=1)
        new_weight = (filters * scale.reshape(over_channels)).reshape(wide.shape)
    return new_weight.astype(weight.dtype), new_bias.astype(weight.dtype)


def _apply(graph: gs.Graph, node: gs.Node, layer: gs.Node, weights: _Weights) -> None:
    operand = next(tensor for tensor in node.inputs if isinstance(tensor, gs.Variable))
    bypass(graph, node, operand)
    weight, bias = weights
    layer.inputs = [
        operand,
        constant(graph, f"{layer.name}.weight", weight),
        constant(graph, f"{layer.name}.bias", bias),
    ]


RULE = Rule("fold_affine_into_next", AFFINE, match)
