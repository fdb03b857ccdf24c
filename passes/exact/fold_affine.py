"""`fold_affine`: batch normalization, and the Mul and Add that scale layers leave, into the layer before them.

Proof sketch: a layer computes y = W x + b, and what follows z = s y + t for each of the N output channels. So
z = (s W) x + (s b + t), the same layer with other constants; padding does not matter, for it concerns x alone.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values, detach, is_output, unique_name
from .affine import AFFINE, affine_of
from .edit import operand_and_constant
from .rule import Rewrite, Rule, Scene

_FOLDED_INTO = frozenset({"Conv", "ConvTranspose", "Gemm"})


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Conv, ConvTranspose or Gemm with constant weights, then BatchNormalization, Mul, Div, Add or Sub by a constant.

    Declines where another node or a graph output reads what lies between, and where the result would not be finite.
    """
    layer = _layer_before(node)
    if layer is None or (node.op != "BatchNormalization" and operand_and_constant(node) is None):
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
    affine = affine_of(node, between, filters, weight.ndim)
    if isinstance(affine, str):
        return affine
    if not affine.is_finite:
        return "the folded weights would not be finite"
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


RULE = Rule("fold_affine", AFFINE, match)
