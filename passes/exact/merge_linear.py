"""`merge_linear`: two linear layers with nothing between them as one, where that is cheaper.

Proof sketch: B (A x + a) + b = (B A) x + (B a + b). For convolutions this holds position by position if the second one
is 1x1, unpadded and dense: its product with the filters of the first is a convolution with the first one's kernel and
geometry. A 1x1 first one may be followed by any dense unpadded kernel: each tap is multiplied by A. (With padding a + 0
would have to stand beside the first one's output.)
"""

from __future__ import annotations

import math

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values, detach
from .edit import constant, producer, reads_alone
from .rule import Rewrite, Rule, Scene

_Weights = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Weight and bias; a Gemm's weight as (N, C)."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A Conv or Gemm whose input is another one's output, which nobody else reads, both with constant weights."""
    source = node.inputs[0]
    first = producer(source, node.op)
    if first is None or not reads_alone(scene.graph, node, source):
        return None
    inner, outer = _weights(first), _weights(node)
    if inner is None or outer is None:
        return None
    if node.op == "Conv" and not _composes(first, node, inner[0], outer[0]):
        return None
    merged = _product(inner, outer)
    if merged[0].size > inner[0].size + outer[0].size:
        return f"one layer instead of {first.name} and this would have more to multiply"
    return Rewrite(f"merged with {first.name}", lambda: _apply(scene.graph, first, node, merged, outer))


def _weights(node: gs.Node) -> _Weights | None:
    weight = constant_values(node.inputs[1])
    has_bias = len(node.inputs) > 2 and bool(node.inputs[2].name)
    bias = constant_values(node.inputs[2]) if has_bias else np.zeros(1, np.float32)
    if weight is None or bias is None or weight.dtype != np.float32 or node.attrs.get("group", 1) != 1:
        return None
    wide = weight.astype(np.float64)
    if node.op == "Gemm":
        if node.attrs.get("transA", 0) or node.attrs.get("alpha", 1.0) != 1.0 or node.attrs.get("beta", 1.0) != 1.0:
            return None
        wide = wide if node.attrs.get("transB", 0) else wide.T
    if bias.size not in {1, len(wide)}:
        return None
    return wide, np.broadcast_to(bias.astype(np.float64).reshape(-1), len(wide))


def _composes(first: gs.Node, node: gs.Node, inner: NDArray[np.float64], outer: NDArray[np.float64]) -> bool:
    """Whether the second convolution is 1x1, or the first one is; neither a stride nor padding between them."""
    automatic = any(layer.attrs.get("auto_pad", "NOTSET") != "NOTSET" for layer in (first, node))
    if automatic or any(node.attrs.get("pads", ())):
        return False
    if math.prod(outer.shape[2:]) == 1:
        return all(stride == 1 for stride in node.attrs.get("strides", ()))
    plain = all(stride == 1 for stride in first.attrs.get("strides", ())) and not any(first.attrs.get("pads", ()))
    return math.prod(inner.shape[2:]) == 1 and plain


def _product(inner: _Weights, outer: _Weights) -> _Weights:
    (a, a0), (b, b0) = inner, outer
    if b.ndim == 2:
        return b @ a, b @ a0 + b0
    bias = b.reshape(*b.shape[:2], -1).sum(axis=2) @ a0 + b0
    if math.prod(b.shape[2:]) == 1:
        return np.tensordot(b.reshape(b.shape[:2]), a, axes=1), bias
    merged = np.einsum("nk...,kc->nc...", b, a.reshape(a.shape[:2]))
    return merged, bias


def _apply(graph: gs.Graph, first: gs.Node, node: gs.Node, merged: _Weights, outer: _Weights) -> None:
    weight, bias = merged
    if node.op == "Gemm":
        node.attrs["transB"] = 1
    elif math.prod(outer[0].shape[2:]) == 1:
        node.attrs = dict(first.attrs)
    node.inputs = [
        first.inputs[0],
        constant(graph, f"{node.name}.weight", weight.astype(np.float32)),
        constant(graph, f"{node.name}.bias", bias.astype(np.float32)),
    ]
    detach(graph, first)


RULE = Rule("merge_linear", frozenset({"Conv", "Gemm"}), match)
