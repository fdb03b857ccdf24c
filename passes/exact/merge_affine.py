"""`merge_affine`: two affine maps per channel, one after the other, as one BatchNormalization.

Proof sketch: u (s x + t) + v = (u s) x + (u t + v), and BatchNormalization with mean 0, variance 1 and epsilon 0 is
scale * x + bias. A Mul and an Add by constants are two walks through memory where runtimes need one, which some of them
merge with the convolution beside it.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .affine import AFFINE, Affine, affine_of
from .edit import constant, reads_alone, replace
from .rule import Rewrite, Rule, Scene

_FIRST_OPSET = 9
"""From here on BatchNormalization has neither `spatial` nor outputs for training."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """An affine map whose operand is another's result, which nobody else reads."""
    operand: gs.Tensor = next((tensor for tensor in node.inputs if isinstance(tensor, gs.Variable)), None)
    if operand is None or len(operand.inputs) != 1 or operand.inputs[0].op not in AFFINE or scene.opset < _FIRST_OPSET:
        return None
    first: gs.Node = operand.inputs[0]
    source: gs.Tensor | None = next((tensor for tensor in first.inputs if isinstance(tensor, gs.Variable)), None)
    shape = None if source is None else scene.shape(source)
    if source is None or shape is None or len(shape) < 3 or shape[1] is None:
        return None
    channels = shape[1]
    if not reads_alone(scene.graph, node, operand) or not scene.is_float(source):
        return None
    inner, outer = (affine_of(*pair, channels, len(shape)) for pair in ((first, source), (node, operand)))
    if isinstance(inner, str) or isinstance(outer, str):
        return None
    if not inner.is_finite or not outer.is_finite:
        return None
    merged = Affine(inner.scale * outer.scale, inner.shift * outer.scale + outer.shift)
    return Rewrite(
        f"merged with {first.name} to one BatchNormalization",
        lambda: _apply(scene.graph, node, source, merged, channels),
    )


def _apply(graph: gs.Graph, node: gs.Node, source: gs.Tensor, affine: Affine, channels: int) -> None:
    values = {"scale": affine.scale, "bias": affine.shift, "mean": np.zeros(1), "variance": np.ones(1)}
    parameters = [
        constant(graph, f"{node.name}.{name}", np.broadcast_to(value, channels).astype(np.float32))
        for name, value in values.items()
    ]
    replace(graph, node, "BatchNormalization", [source, *parameters], {"epsilon": 0.0})


RULE = Rule("merge_affine", AFFINE, match)
