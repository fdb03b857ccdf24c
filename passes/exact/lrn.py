"""`lrn`: local response normalization as a banded convolution and the cheapest power.

Proof sketch: LRN is y_c = x_c / (k + alpha/n sum_j x_j^2)^beta, the sum over the n channels around c. The base is a 1x1
convolution of the squares with weights alpha/n in a band around the diagonal and bias k > 0. It is cut into groups of d
channels that read the d + n - 1 channels they depend on, which Slice and Concat lay side by side: an element costs
d + n - 1 products, not C. Of a positive base, s^(3/4) is sqrt(s) sqrt(sqrt(s)), and so on for other quarters, and any
other power is exp(beta log s). onnxruntime's LRN calls `pow` once per element; products and roots run in vectors: 18 ms
become 3 for 192 x 56 x 56. An AveragePool over channels as an axis of space gives the same base as quickly, but MNN
crashes on it and OpenCV computes something else; a Gather in the place of the slices is a little faster, but ncnn's
converter keeps one channel of it (docs/exact.md).
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from .edit import constant, insert, replace, scalar
from .power import power_factors
from .rule import Rewrite, Rule, Scene

_ONNX_ALPHA, _ONNX_BETA, _ONNX_BIAS = 1e-4, 0.75, 1.0
_QUARTERS = 8
"""Powers up to this many quarters are made of the base, its root and its fourth root."""
_LEAST_WIDTH = 16
"""Narrower groups would take more slices, wider ones more products."""
_EDGES_AS_INPUT = 10
"""From this opset on Slice reads where to cut from inputs."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Any LRN of (batch, C, ...) whose base cannot become 0 or negative."""
    shape = scene.shape(node.inputs[0])
    if shape is None or len(shape) < 3 or shape[1] is None:
        return "it has no axis of space, or its channels are not known"
    if not scene.is_float(node.inputs[0]):
        return "it is not computed in float32"
    alpha, bias = float(node.attrs.get("alpha", _ONNX_ALPHA)), float(node.attrs.get("bias", _ONNX_BIAS))
    if bias <= 0 or alpha < 0:
        return f"with alpha {alpha:g} and bias {bias:g} its base need not be positive"
    channels, space = shape[1], len(shape) - 2
    return Rewrite("LRN as a banded convolution and roots", lambda: _apply(scene.graph, node, channels, space))


def _apply(graph: gs.Graph, node: gs.Node, channels: int, space: int) -> None:
    source, beta = node.inputs[0], float(node.attrs.get("beta", _ONNX_BETA))
    base = _base(graph, node, channels, space)
    quarters = beta * 4
    if quarters == int(quarters) and 0 < quarters <= _QUARTERS:
        product, *factors = power_factors(graph, node, base, int(quarters))
        for factor in factors:
            product = insert(graph, node, "Mul", [product, factor])
        replace(graph, node, "Div", [source, product])
        return
    logarithm = insert(graph, node, "Log", [base])
    exponent = insert(graph, node, "Mul", [logarithm, scalar(graph, f"{node.name}.minus_beta", -beta)])
    replace(graph, node, "Mul", [source, insert(graph, node, "Exp", [exponent])])


def _base(graph: gs.Graph, node: gs.Node, channels: int, space: int) -> gs.Tensor:
    """The sum of k and alpha/n times the squares over the window around each channel, the odd one at the end."""
    size, alpha = int(node.attrs["size"]), float(node.attrs.get("alpha", _ONNX_ALPHA))
    width = group_width(channels, size)
    squares = insert(graph, node, "Mul", [node.inputs[0], node.inputs[0]])
    outputs = np.arange(channels).reshape(-1, width)
    read = np.arange(channels)[None] if width == channels else _windows(outputs, size)
    if width < channels:
        squares = insert(graph, node, "Concat", [_cut(graph, node, squares, window) for window in read], {"axis": 1})
    distance = read[:, None, :] - outputs[:, :, None]
    inside = (-((size - 1) // 2) <= distance) & (distance <= size // 2)
    weight = (alpha / size * inside).astype(np.float32).reshape(channels, -1, *[1] * space)
    bias = np.full(channels, node.attrs.get("bias", _ONNX_BIAS), np.float32)
    inputs = [squares, constant(graph, f"{node.name}.band", weight), constant(graph, f"{node.name}.k", bias)]
    return insert(graph, node, "Conv", inputs, {"group": len(outputs), "kernel_shape": [1] * space})


def group_width(channels: int, size: int) -> int:
    """The first divisor d of `channels` from `_LEAST_WIDTH` on; all where a window of d + n - 1 would be no smaller."""
    divisors = (width for width in range(_LEAST_WIDTH, channels) if channels % width == 0)
    width = next(divisors, channels)
    return width if width + size - 1 < channels else channels


def _windows(outputs: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Channels (groups, d + n - 1) among which all are that groups of channels (groups, d) depend on."""
    count = outputs.shape[1] + size - 1
    first = (outputs[:, :1] - (size - 1) // 2).clip(0, outputs.size - count)
    return first + np.arange(count)


def _cut(graph: gs.Graph, node: gs.Node, tensor: gs.Tensor, window: NDArray[np.int64]) -> gs.Tensor:
    edges = {"starts": window[0], "ends": window[-1] + 1, "axes": 1}
    if int(graph.opset) < _EDGES_AS_INPUT:
        return insert(graph, node, "Slice", [tensor], {name: [int(value)] for name, value in edges.items()})
    constants = [constant(graph, f"{node.name}.{name}", np.array([value])) for name, value in edges.items()]
    return insert(graph, node, "Slice", [tensor, *constants])


RULE = Rule("lrn", frozenset({"LRN"}), match, targets=frozenset({"onnxruntime"}))
