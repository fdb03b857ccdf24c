"""`prelu`: PRelu with a slope per channel as a Relu and two scalings.

Proof sketch: with slope a, PRelu is x for x >= 0 and a x below. Relu(x) is x and 0, so (1 - a) Relu(x) + a x is
(1 - a) x + a x = x above and a x below. A scaling per channel is a depthwise 1x1 convolution: onnxruntime computes it
in its blocked layout and adds the other summand on the way, where its PRelu needs the plain layout and branches at
every element: 1.2 ms against 0.1 for 64 x 56 x 56 (docs/exact.md).
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values
from .edit import constant, insert, replace
from .rule import Rewrite, Rule, Scene

_PRELU_NS = 2.5
"""Nanoseconds that onnxruntime's PRelu takes per element beyond what the scalings take."""
_NODES_MS = 0.004
"""Milliseconds that the two nodes more cost, however small they are."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """PRelu of (batch, C, height, width) with constant slopes, one per channel or one for all."""
    shape, slopes = scene.shape(node.inputs[0]), constant_values(node.inputs[1])
    if slopes is None or shape is None or len(shape) != 4 or shape[1] is None or slopes.dtype != np.float32:
        return "its slopes are not constant, or its input is no map of known channels"
    per_channel = slopes.ndim <= 4 and slopes.shape[-3:] == (shape[1], 1, 1) and slopes.size == shape[1]
    if slopes.size != 1 and not per_channel:
        return f"its slopes of shape {slopes.shape} are not one per channel"
    values = np.broadcast_to(slopes.reshape(-1), shape[1])
    elements = float(np.prod(scene.size(node.inputs[0]) or shape[1]))
    return Rewrite(
        "PRelu as Relu and two scalings",
        lambda: _apply(scene.graph, node, values),
        1e-6 * _PRELU_NS * elements - _NODES_MS,
    )


def _apply(graph: gs.Graph, node: gs.Node, slopes: NDArray[np.float32]) -> None:
    source, channels = node.inputs[0], len(slopes)
    positive = insert(graph, node, "Relu", [source])
    factors = {"slope": slopes, "rest": (1 - slopes.astype(np.float64)).astype(np.float32)}
    scaled = [
        insert(
            graph,
            node,
            "Conv",
            [operand, constant(graph, f"{node.name}.{name}", factors[name].reshape(channels, 1, 1, 1))],
            {"group": channels, "kernel_shape": [1, 1]},
        )
        for name, operand in (("slope", source), ("rest", positive))
    ]
    replace(graph, node, "Add", scaled)


RULE = Rule("prelu", frozenset({"PRelu"}), match, targets=frozenset({"onnxruntime"}))
