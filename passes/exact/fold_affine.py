"""`fold_affine`: batch normalization, and the Mul and Add that scale layers leave, into the layer before them.

Proof sketch: a layer computes y = W x + b, and what follows z = s y + t for each of the N output channels. So
z = (s W) x + (s b + t), the same layer with other constants; padding does not matter, for it concerns x alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values, detach, is_output, unique_name
from .rule import Rewrite, Rule, Scene

_FOLDED_INTO = frozenset({"Conv", "ConvTranspose", "Gemm"})
_AFFINE = frozenset({"BatchNormalization", "Mul", "Div", "Add", "Sub"})


@dataclass(frozen=True, slots=True)
class Affine:
    """y = scale * x + shift, per channel; both (N,) or (1,)."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Conv, ConvTranspose or Gemm with constant weights, then BatchNormalization, Mul, Div, Add or Sub by a constant.

    Declines where another node or a graph output reads what lies between, and where the result would not be finite.
    """
    layer = _layer_before(node)
    if layer is None:
        return None
    folded = _folded(scene.graph, layer, node)
    if isinstance(folded, str):
        return folded
    weight, bias = folded
    return Rewrite(f"{node.op} folded into {layer.name}", lambda: _rewire(scene.graph, layer, node, weight, bias))


def _layer_before(node: gs.Node) -> gs.Node | None:
    """The layer whose output `node` reads as its variable operand."""
    for tensor in node.inputs:
        if len(tensor.inputs) == 1 and tensor.inputs[0].op in _FOLDED_INTO:
            return tensor.inputs[0]
    return None


def _folded(graph: gs.Graph, layer: gs.Node, node: gs.Node) -> tuple[NDArray[np.generic], NDArray[np.generic]] | str:
    """The new weights and bias of `layer`, or why not."""
    between = layer.outputs[0]
    weight = constant_values(layer.inputs[1])
    bias = constant_values(layer.inputs[2]) if _has_bias(layer) else None
    if weight is None or (bias is None and _has_bias(layer)):
        return f"the weights of {layer.name} are not constant"
    filters = _filters(layer, weight)
    affine = _affine(node, between, filters, weight.ndim)
    if isinstance(affine, str):
        return affine
    if len(between.outputs) != 1 or is_output(graph, between):
        return f"what {layer.name} computes is used elsewhere too"
    if layer.op == "Gemm" and (layer.attrs.get("alpha", 1.0) != 1.0 or layer.attrs.get("beta", 1.0) != 1.0):
        return f"the alpha or beta of {layer.name} is not 1"
    new_weight = _scaled(layer, weight, np.broadcast_to(affine.scale, filters)).astype(weight.dtype)
    if bias is not None and bias.size not in {1, filters}:
        return f"the bias of {layer.name} is not one number per output"
    old_bias = np.broadcast_to(0.0 if bias is None else bias.astype(np.float64).reshape(-1), filters)
    new_bias = (affine.scale * old_bias + affine.shift).astype(weight.dtype)
    if not (np.isfinite(new_weight).all() and np.isfinite(new_bias).all()):
        return "the folded weights would not be finite"
    return new_weight, new_bias


def _has_bias(layer: gs.Node) -> bool:
    return len(layer.inputs) > 2 and bool(layer.inputs[2].name)


def _filters(layer: gs.Node, weight: NDArray[np.generic]) -> int:
    """N, the number of output channels."""
    if layer.op == "ConvTranspose":
        return int(weight.shape[1]) * int(layer.attrs.get("group", 1))
    if layer.op == "Gemm" and not layer.attrs.get("transB", 0):
        return int(weight.shape[1])
    return int(weight.shape[0])


def _scaled(layer: gs.Node, weight: NDArray[np.generic], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights with every output channel multiplied by its scale."""
    if layer.op == "ConvTranspose":
        group = int(layer.attrs.get("group", 1))
        grouped = weight.reshape(group, -1, *weight.shape[1:]).astype(np.float64)
        factors = scale.reshape(group, 1, -1, *[1] * (weight.ndim - 2))
        return np.asarray((grouped * factors).reshape(weight.shape))
    if layer.op == "Gemm" and not layer.attrs.get("transB", 0):
        return np.asarray(weight.astype(np.float64) * scale)
    return np.asarray(weight.astype(np.float64) * scale.reshape(-1, *[1] * (weight.ndim - 1)))


def _affine(node: gs.Node, between: gs.Tensor, filters: int, rank: int) -> Affine | str:
    """What `node` does to each channel, or why it is no such map."""
    if node.op == "BatchNormalization":
        return _batchnorm_affine(node)
    first = node.inputs[0] is between
    values = constant_values(node.inputs[1 if first else 0])
    if values is None:
        return "its other operand is not constant"
    per_channel = _per_channel(values, filters, rank)
    if per_channel is None:
        return f"its constant of shape {values.shape} is not one number per channel"
    one, zero = np.ones(1), np.zeros(1)
    if node.op == "Mul":
        return Affine(per_channel, zero)
    if node.op == "Add":
        return Affine(one, per_channel)
    if node.op == "Sub":
        return Affine(one, -per_channel) if first else Affine(-one, per_channel)
    if not first or not per_channel.all():
        return "it divides by what is no constant other than zero"
    return Affine(1 / per_channel, zero)


def _batchnorm_affine(node: gs.Node) -> Affine | str:
    values = [constant_values(tensor) for tensor in node.inputs[1:5]]
    if any(value is None for value in values):
        return "its statistics are not constant"
    if node.attrs.get("training_mode", 0) or any(output.outputs for output in node.outputs[1:]):
        return "it is in training mode"
    gamma, beta, mean, variance = (np.asarray(value, dtype=np.float64) for value in values)
    scale = gamma / np.sqrt(variance + node.attrs.get("epsilon", 1e-5))
    return Affine(scale, beta - mean * scale)


def _per_channel(values: NDArray[np.generic], filters: int, rank: int) -> NDArray[np.float64] | None:
    """`values` as (1,) or (N,), if that is how they broadcast over a (batch, N, ...) tensor of the given rank."""
    if values.size == 1 and values.ndim <= rank:
        return values.astype(np.float64).reshape(1)
    aligned = (1,) * (rank - values.ndim) + values.shape
    return values.astype(np.float64).reshape(-1) if aligned == (1, filters, *[1] * (rank - 2)) else None


def _rewire(
    graph: gs.Graph, layer: gs.Node, node: gs.Node, weight: NDArray[np.generic], bias: NDArray[np.generic]
) -> None:
    """Give `layer` its new weights (under new names: the old ones may be shared) and the output of `node`."""
    output = node.outputs[0]
    detach(graph, node)
    layer.outputs.clear()
    layer.outputs.append(output)
    layer.inputs[1] = gs.Constant(unique_name(graph, f"{layer.name}.weight"), np.ascontiguousarray(weight))
    bias_constant = gs.Constant(unique_name(graph, f"{layer.name}.bias"), bias)
    if len(layer.inputs) > 2:
        layer.inputs[2] = bias_constant
    else:
        layer.inputs.append(bias_constant)


RULE = Rule("fold_affine", _AFFINE, match)
