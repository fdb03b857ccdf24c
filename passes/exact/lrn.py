"""`lrn`: local response normalization as an average over channels and the cheapest power.

Proof sketch: LRN is y_c = x_c / (k + alpha/n sum_j x_j^2)^beta, the sum over the n channels around c. If channels are
taken for an axis of space, the mean over n of them, zeros beyond the ends counted, is an AveragePool of the squares:
the base is k + alpha pool(x^2) >= k > 0. Of a positive base, s^(3/4) is sqrt(s) sqrt(sqrt(s)), and so on for other
quarters, and any other power is exp(beta log s). onnxruntime's LRN calls `pow` once per element; pooling and square
roots run in vectors: 16.3 ms become 2.4 for 192 x 56 x 56. A banded 1x1 convolution gives the same base, but it costs C
multiplications per element where the pooling costs n additions: 3.9 ms (docs/exact.md).
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .edit import constant, insert, replace, scalar
from .power import power_factors
from .rule import Rewrite, Rule, Scene

_ONNX_ALPHA, _ONNX_BETA, _ONNX_BIAS = 1e-4, 0.75, 1.0
_QUARTERS = 8
"""Powers up to this many quarters are made of the base, its root and its fourth root."""
_AXES_AS_INPUT = 13
"""From this opset on Unsqueeze and Squeeze read their axes from an input."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Any LRN of (batch, C, height, width) or (batch, C, length) whose base cannot become 0 or negative."""
    shape = scene.shape(node.inputs[0])
    if shape is None or not 3 <= len(shape) <= 4:
        return "it has not one or two axes of space"
    alpha, bias = float(node.attrs.get("alpha", _ONNX_ALPHA)), float(node.attrs.get("bias", _ONNX_BIAS))
    if bias <= 0 or alpha < 0:
        return f"with alpha {alpha:g} and bias {bias:g} its base need not be positive"
    space = len(shape) - 2
    return Rewrite("LRN as an average over channels and roots", lambda: _apply(scene, node, alpha, bias, space))


def _apply(scene: Scene, node: gs.Node, alpha: float, bias: float, space: int) -> None:
    graph, source, beta = scene.graph, node.inputs[0], float(node.attrs.get("beta", _ONNX_BETA))
    squares = insert(graph, node, "Mul", [source, source])
    mean = _channel_mean(scene, node, squares, space)
    weighted = insert(graph, node, "Mul", [mean, scalar(graph, f"{node.name}.alpha", alpha)])
    base = insert(graph, node, "Add", [weighted, scalar(graph, f"{node.name}.k", bias)])
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


def _channel_mean(scene: Scene, node: gs.Node, squares: gs.Tensor, space: int) -> gs.Tensor:
    """The mean over the window around each channel, (batch, C, ...) like `squares`; the odd one is at the end."""
    graph, size = scene.graph, int(node.attrs["size"])
    pooling = {
        "kernel_shape": [size, *[1] * space],
        "pads": [(size - 1) // 2, *[0] * space, size // 2, *[0] * space],
        "count_include_pad": 1,
    }
    axes = {"axes": [1]} if scene.opset < _AXES_AS_INPUT else {}
    extra = [] if axes else [constant(graph, f"{node.name}.axis", np.array([1], np.int64))]
    volume = insert(graph, node, "Unsqueeze", [squares, *extra], axes)
    pooled = insert(graph, node, "AveragePool", [volume], pooling)
    return insert(graph, node, "Squeeze", [pooled, *extra], axes)


RULE = Rule("lrn", frozenset({"LRN"}), match, targets=frozenset({"onnxruntime"}))
