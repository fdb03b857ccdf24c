"""`global_pool`: a pooling of the whole map as the global one.

Proof sketch: a window as large as the map and no pads leave one position, which is the mean or the maximum of all. The
global operator needs no window, so that the map's size is no longer written into the network, and what computes a layer
on means (low rank's form `pooled`) finds the mean.
"""

from __future__ import annotations

import onnx_graphsurgeon as gs

from .edit import replace
from .rule import Rewrite, Rule, Scene

_GLOBAL = {"AveragePool": "GlobalAveragePool", "MaxPool": "GlobalMaxPool"}


def match(node: gs.Node, scene: Scene) -> Rewrite | None:
    """An AveragePool or MaxPool with one position in its output, no pads, and a window of the known size of the map."""
    before, after = (scene.shape(tensor) for tensor in (node.inputs[0], node.outputs[0]))
    if before is None or after is None or len(node.outputs) > 1 or any(node.attrs.get("pads", ())):
        return None
    if {*after[2:]} != {1} or {*before[2:]} == {1} or list(node.attrs["kernel_shape"]) != list(before[2:]):
        return None
    operator = _GLOBAL[node.op]
    return Rewrite(f"{node.op} to {operator}", lambda: replace(scene.graph, node, operator, node.inputs[:1]))


RULE = Rule("global_pool", frozenset(_GLOBAL), match)
