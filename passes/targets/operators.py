"""What an operator other than Conv and Gemm amounts to: its elements, under a coefficient of its own."""

from __future__ import annotations

import math

import onnx_graphsurgeon as gs

from .features import Features
from .layout import Layout, is_fused, is_residual
from .work import FLOAT_BYTES

FREE = frozenset(
    {
        "Constant",
        "Dropout",
        "Flatten",
        "Identity",
        "Reshape",
        "Shape",
        "Squeeze",
        "Unsqueeze",
    }
)
"""Operators that move no data."""

TIMED = (
    "LRN",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Softmax",
    "Concat",
    "Add",
    "Mul",
    "Relu",
    "PRelu",
    "Sigmoid",
    "BatchNormalization",
    "Transpose",
    "Resize",
)
"""Operators with a coefficient of their own, in nanoseconds per element; others count as 'op:other'."""

_WINDOWED = frozenset({"MaxPool", "AveragePool"})
_ON_INPUT = frozenset({"GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum"})


def operator_features(node: gs.Node, layout: Layout) -> Features:
    """What `node` amounts to, layout changes left out; nothing if the runtime fuses or drops it."""
    if node.op in FREE or is_fused(node):
        return {}
    if node.op == "ConvTranspose":
        return _transposed_features(node, layout)
    if is_residual(node):
        return {"activation_gb": layout.gigabytes(node.outputs[0].name)}
    name = f"op:{node.op}" if node.op in TIMED else "op:other"
    return {name: 1e-6 * _elements(node, layout), "nodes": 1.0}


def _transposed_features(node: gs.Node, layout: Layout) -> Features:
    """A product of the weights (C, N/G, kh, kw) with the input's positions, whose results are folded (col2im)."""
    shape = node.inputs[1].shape or (1, 0)
    positions = layout.elements(node.inputs[0].name) / shape[0]
    folded = math.prod(shape[1:]) * node.attrs.get("group", 1) * positions
    gigabytes = layout.gigabytes(node.inputs[0].name) + layout.gigabytes(node.outputs[0].name)
    return {
        "im2col_gflop": 2e-9 * math.prod(shape) * positions,
        "unfolded_gb": 1e-9 * FLOAT_BYTES * folded,
        "activation_gb": gigabytes,
        "nodes": 1.0,
    }


def _elements(node: gs.Node, layout: Layout) -> float:
    """Output elements, times the window's size for pooling; input elements for what reduces."""
    if node.op in _ON_INPUT:
        return layout.elements(node.inputs[0].name)
    window = math.prod(node.attrs.get("kernel_shape", ())) if node.op in _WINDOWED else 1
    return layout.elements(node.outputs[0].name) * window
