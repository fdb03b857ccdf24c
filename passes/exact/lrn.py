"""`lrn`: local response normalization as a banded convolution and the cheapest power.

Proof sketch: LRN is y_c = x_c / (k + alpha/n sum_j x_j^2)^beta, the sum over the n channels around c. The sum is linear
in the squares: a 1x1 convolution whose (C, C) weights are alpha/n on a band and 0 elsewhere, with bias k, gives the
base s_c >= k > 0. Of a positive base, s^(3/4) is sqrt(s) sqrt(sqrt(s)), and so on for other quarters, and any other
power is exp(beta log s). A runtime computes a dense 1x1 convolution and square roots in vectors, where
onnxruntime's LRN calls `pow` once per element: 5.0 ms against 0.5 for 64 x 56 x 56 (docs/exact.md).
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

_LRN_NS = 25.0
"""Nanoseconds that onnxruntime's LRN takes per element; 12 on a core that runs a `pow` in half the time."""
_CONV_NS_PER_CHANNEL = 0.008
"""Nanoseconds per element and input channel of a dense 1x1 convolution (250 GFLOP/s)."""
_ROOTS_NS = 3.0
"""Nanoseconds per element of square, roots, quotient, and the changes of layout around them."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Any LRN over a known number of channels whose base cannot become 0 or negative."""
    shape = scene.shape(node.inputs[0])
    channels = scene.channels(node.inputs[0])
    if shape is None or channels is None or not 3 <= len(shape) <= 5:
        return "the number of its channels is not known"
    alpha, bias = float(node.attrs.get("alpha", _ONNX_ALPHA)), float(node.attrs.get("bias", _ONNX_BIAS))
    if bias <= 0 or alpha < 0:
        return f"with alpha {alpha:g} and bias {bias:g} its base need not be positive"
    elements = np.prod(scene.size(node.inputs[0]) or channels)
    gain_ns = _LRN_NS - _ROOTS_NS - _CONV_NS_PER_CHANNEL * channels
    return Rewrite(
        "LRN as a banded 1x1 convolution and roots",
        lambda: _apply(scene.graph, node, band(channels, int(node.attrs["size"]), alpha), bias, len(shape) - 2),
        1e-6 * gain_ns * float(elements),
    )


def band(channels: int, size: int, alpha: float) -> NDArray[np.float32]:
    """(C, C) weights that add alpha/n times the n = `size` channels around each; ONNX puts the odd one at the end."""
    offsets = np.arange(channels)[None, :] - np.arange(channels)[:, None]
    inside = (offsets >= -((size - 1) // 2)) & (offsets <= size // 2)
    return np.where(inside, alpha / size, 0.0).astype(np.float32)


def _apply(graph: gs.Graph, node: gs.Node, weights: NDArray[np.float32], bias: float, axes: int) -> None:
    source, beta = node.inputs[0], float(node.attrs.get("beta", _ONNX_BETA))
    channels = len(weights)
    squares = insert(graph, node, "Mul", [source, source])
    kernel = constant(graph, f"{node.name}.band", weights.reshape(channels, channels, *[1] * axes))
    biases = constant(graph, f"{node.name}.k", np.full(channels, bias, np.float32))
    base = insert(graph, node, "Conv", [squares, kernel, biases])
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


RULE = Rule("lrn", frozenset({"LRN"}), match, targets=frozenset({"onnxruntime", "mnn"}))
