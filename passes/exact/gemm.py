"""`gemm`: MatMul and Add as Gemm.

Proof sketch: for a matrix x, Gemm computes x W + c with c of (N,) added to every row, which is what the two nodes do.
Runtimes fuse the bias, and low rank, pruning and quantization know a layer when they see it.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values
from .edit import constant, operand_and_constant, producer, reads_alone, replace
from .rule import Rewrite, Rule, Scene


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """An Add of a constant of (N,) to the product of a matrix with constant (C, N) weights that nobody else reads."""
    found = operand_and_constant(node)
    product = producer(found[0], "MatMul") if found is not None else None
    if found is None or product is None or not scene.is_float(node.outputs[0]):
        return None
    rows, weight = scene.shape(product.inputs[0]), constant_values(product.inputs[1])
    if weight is None or weight.ndim != 2 or rows is None or len(rows) != 2:
        return None
    if not reads_alone(scene.graph, node, found[0]):
        return f"what {product.name} computes is used elsewhere too"
    bias = found[1]
    if bias.size != weight.shape[1] or bias.ndim > 2 or bias.shape[-1:] != weight.shape[1:]:
        return f"its constant of shape {bias.shape} is not one number per output"
    return Rewrite(f"{product.name} and its bias as Gemm", lambda: _apply(scene.graph, node, product, bias))


def _apply(graph: gs.Graph, node: gs.Node, product: gs.Node, bias: NDArray[np.generic]) -> None:
    inputs = [*product.inputs, constant(graph, f"{product.name}.bias", bias.reshape(-1))]
    replace(graph, node, "Gemm", inputs).name = product.name


RULE = Rule("gemm", frozenset({"Add"}), match)
