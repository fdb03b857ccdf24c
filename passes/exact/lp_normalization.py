"""`lp_normalization`: division by the Euclidean norm, as the norm and a division.

Proof sketch: LpNormalization with p = 2 is x / |x| along an axis, and 0 where all of x is 0. So is x / max(|x|, t) for
the smallest normal number t: no other norm of float32 numbers is below it but those that are rounded away. onnxruntime
walks along the axis element by element; ReduceL2 and Div run in vectors: 0.19 ms in the place of 0.29 for the channels
of 64 x 56 x 56 (docs/exact.md).
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .edit import constant, insert, replace, scalar
from .rule import Rewrite, Rule, Scene

_AXES_AS_INPUT = 18
"""From this opset on ReduceL2 reads its axes from an input."""
_FIRST_MAX_OPSET = 8
"""From here on Max broadcasts."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """LpNormalization of float32 with p = 2."""
    if node.attrs.get("p", 2) != 2 or scene.opset < _FIRST_MAX_OPSET or not scene.is_float(node.inputs[0]):
        return None
    axis = int(node.attrs.get("axis", -1))
    return Rewrite("as a norm and a division", lambda: _apply(scene, node, axis))


def _apply(scene: Scene, node: gs.Node, axis: int) -> None:
    graph, source = scene.graph, node.inputs[0]
    attributes = {"axes": [axis]} if scene.opset < _AXES_AS_INPUT else {}
    extra = [] if attributes else [constant(graph, f"{node.name}.axis", np.array([axis]))]
    norm = insert(graph, node, "ReduceL2", [source, *extra], {**attributes, "keepdims": 1})
    least = scalar(graph, f"{node.name}.least", float(np.finfo(np.float32).tiny))
    replace(graph, node, "Div", [source, insert(graph, node, "Max", [norm, least])])


RULE = Rule("lp_normalization", frozenset({"LpNormalization"}), match, targets=frozenset({"onnxruntime"}))
