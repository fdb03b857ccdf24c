"""`clip`: the many ways to write an activation with bounds, as Relu, Clip or LeakyRelu.

Proof sketch: min(max(x, a), b) is Clip(x, a, b) for numbers a <= b; Clip from 0 without an end is Relu; max(x, s x) for
0 < s < 1 is x above 0 and s x below, LeakyRelu; PRelu with one slope for all channels is LeakyRelu. Runtimes fuse these
three into the convolution before them, and quantizers know them; Max, Min and Mul they compute one by one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values
from .edit import operand_and_constant, producer, replace, scalar, scalar_value, sole_reader
from .rule import Rewrite, Rule, Scene

_FIRST_OPSET = 11
"""From here on Clip reads its bounds from inputs."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Max and Min with one number, Clip from 0 on, PRelu with one slope, Max of x and a share of x."""
    if scene.opset < _FIRST_OPSET or not scene.is_float(node.outputs[0]):
        return None
    return _FORMS[node.op](node, scene)


def _max(node: gs.Node, scene: Scene) -> Rewrite | None:
    """max(x, 0) is Relu; max(x, s x) is LeakyRelu; max(x, a) is Clip from a on."""
    leaky = _leaky(node)
    if leaky is not None:
        source, slope = leaky
        return Rewrite("Max of x and s x as LeakyRelu", lambda: _replace(scene, node, "LeakyRelu", source, slope))
    bounded = _bound(node, scene)
    if bounded is None:
        return None
    source, low = bounded
    if low == 0:
        return Rewrite("Max with 0 as Relu", lambda: _replace(scene, node, "Relu", source))
    return Rewrite("Max as Clip", lambda: _replace_clip(scene, node, source, low, None))


def _min(node: gs.Node, scene: Scene) -> Rewrite | None:
    """min(x, b) is Clip up to b, and takes the Relu or Clip from a on before it along."""
    bounded = _bound(node, scene)
    if bounded is None:
        return None
    source, high = bounded
    before = source.inputs[0] if len(source.inputs) == 1 else None
    low = _lower_bound(before) if before is not None and sole_reader(scene.graph, source) is node else None
    if before is None or low is None or low > high:
        return Rewrite("Min as Clip", lambda: _replace_clip(scene, node, source, None, high))
    inner = before.inputs[0]
    return Rewrite(f"{before.op} and Min as Clip", lambda: _replace_clip(scene, node, inner, low, high))


def _clip(node: gs.Node, scene: Scene) -> Rewrite | None:
    """Clip from 0 without an end is Relu."""
    bounds = [tensor for tensor in node.inputs[1:] if tensor.name]
    if len(bounds) == 1 and node.inputs[1] is bounds[0] and scalar_value(bounds[0]) == 0:
        return Rewrite("Clip from 0 on as Relu", lambda: _replace(scene, node, "Relu", node.inputs[0]))
    return None


def _prelu(node: gs.Node, scene: Scene) -> Rewrite | None:
    slopes = constant_values(node.inputs[1])
    if slopes is None or not slopes.size or np.ptp(slopes) != 0:
        return None
    rank = scene.shape(node.inputs[0])
    if slopes.size > 1 and (rank is None or slopes.ndim > len(rank)):
        return None
    slope = float(slopes.reshape(-1)[0])
    return Rewrite("PRelu of one slope as LeakyRelu", lambda: _replace(scene, node, "LeakyRelu", node.inputs[0], slope))


def _leaky(node: gs.Node) -> tuple[gs.Tensor, float] | None:
    """(x, s) if `node` is max(x, s x) with a number s between 0 and 1."""
    if len(node.inputs) != 2:
        return None
    for source, scaled in (node.inputs, node.inputs[::-1]):
        product = producer(scaled, "Mul")
        found = operand_and_constant(product) if product is not None else None
        if found is not None and found[0] is source and found[1].size == 1 and found[1].ndim == 0:
            slope = float(found[1])
            if 0 < slope < 1:
                return source, slope
    return None


def _bound(node: gs.Node, scene: Scene) -> tuple[gs.Tensor, float] | None:
    """The operand and the one number that it is compared with."""
    found = operand_and_constant(node)
    if found is None or found[1].size != 1 or np.isnan(found[1]).any():
        return None
    shape = scene.shape(found[0])
    return (found[0], float(found[1].reshape(-1)[0])) if shape is not None and found[1].ndim <= len(shape) else None


def _lower_bound(node: gs.Node) -> float | None:
    """The bound of a Relu, or of a Clip that has no upper one."""
    if node.op == "Relu":
        return 0.0
    if node.op == "Clip" and len(node.inputs) > 1 and node.inputs[1].name and not any(t.name for t in node.inputs[2:]):
        return scalar_value(node.inputs[1])
    return None


def _replace(scene: Scene, node: gs.Node, op: str, source: gs.Tensor, alpha: float | None = None) -> None:
    replace(scene.graph, node, op, [source], {} if alpha is None else {"alpha": alpha})


def _replace_clip(scene: Scene, node: gs.Node, source: gs.Tensor, low: float | None, high: float | None) -> None:
    bounds = [
        gs.Variable.empty() if value is None else scalar(scene.graph, f"{node.name}.{name}", value)
        for name, value in (("min", low), ("max", high))
    ]
    replace(scene.graph, node, "Clip", [source, *bounds[: 2 if high is not None else 1]])


_FORMS: dict[str, Callable[[gs.Node, Scene], Rewrite | None]] = {
    "Max": _max,
    "Min": _min,
    "Clip": _clip,
    "PRelu": _prelu,
}

RULE = Rule("clip", frozenset(_FORMS), match)
