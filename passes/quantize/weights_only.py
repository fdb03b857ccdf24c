"""`--weights-only`: weights stored as integers of 8 bits; the network computes in float as before.

It makes the file smaller and nothing faster: onnxruntime dequantizes at every run and gives up its blocked layout,
which costs 29 % on VGG-16 unless its session sets `session.disable_quant_qdq` to 1.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..base import Result
from ..graph import constant_values, unique_name
from .grid import WEIGHT_BITS, weight_limit
from .placement import WEIGHTED
from .rounding import filter_scales, nearest

WARNING = "onnxruntime dequantizes these weights at every run: smaller, but slower than float"


def quantize_weights(graph: gs.Graph, result: Result) -> Result:
    """Store the constant float32 weights of every layer as integers with a step per filter."""
    done: dict[int, gs.Variable] = {}
    for node in [node for node in graph.nodes if node.op in WEIGHTED]:
        weight = constant_values(node.inputs[1])
        if weight is None or weight.dtype != np.float32 or weight.ndim < 2:
            result.skipped(node.name, "its weights are not constant float32")
            continue
        if id(node.inputs[1]) not in done:
            done[id(node.inputs[1])] = _stored(graph, node, weight)
        node.inputs[1] = done[id(node.inputs[1])]
        result.changed(node.name, f"weights stored as s8; {WARNING}")
    graph.toposort()
    return result


def _stored(graph: gs.Graph, node: gs.Node, weight: NDArray[np.generic]) -> gs.Variable:
    """The dequantized weights of `node`; filters lie along axis 1 of a product that is not transposed."""
    axis = 1 if node.op == "MatMul" or (node.op == "Gemm" and not node.attrs.get("transB", 0)) else 0
    rows = np.moveaxis(weight, axis, 0)
    flat = np.ascontiguousarray(rows, np.float32).reshape(len(rows), -1)
    scales = filter_scales(flat, weight_limit(WEIGHT_BITS))
    integers = np.moveaxis(nearest(flat, scales, weight_limit(WEIGHT_BITS)).reshape(rows.shape), 0, axis)
    name = f"{node.name}_weight"
    inputs = [
        gs.Constant(unique_name(graph, f"{name}_quantized"), np.ascontiguousarray(integers)),
        gs.Constant(unique_name(graph, f"{name}_scale"), scales),
    ]
    output = gs.Variable(unique_name(graph, f"{name}_dequantized"), np.float32, weight.shape)
    graph.nodes.append(gs.Node("DequantizeLinear", output.name, {"axis": axis}, inputs, [output]))
    return output
