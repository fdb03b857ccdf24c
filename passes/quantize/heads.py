"""Classifiers written as a Conv on a pooled map, as fully connected layers.

Proof sketch: on a map of 1x1 a Conv with a kernel of 1x1 multiplies each image's channels with its weights, which is
what a Gemm does to the flattened map. Of onnxruntime's integer kernels the Gemm's alone may leave its output float:
scores of 8 bits would cap the fidelity.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values, is_output, unique_name


def classifiers_as_gemm(graph: gs.Graph) -> None:
    """Rewrite GlobalAveragePool, Conv 1x1, Flatten as GlobalAveragePool, Flatten, Gemm, in place."""
    for flatten in graph.nodes:
        if flatten.op == "Flatten" and flatten.attrs.get("axis", 1) == 1 and flatten.inputs[0].inputs:
            conv = flatten.inputs[0].inputs[0]
            if _is_classifier(graph, conv):
                _swap(graph, conv, flatten)
    graph.toposort()


def _is_classifier(graph: gs.Graph, node: gs.Node) -> bool:
    output = node.outputs[0]
    if node.op != "Conv" or len(output.outputs) != 1 or is_output(graph, output):
        return False
    weight, pooled = constant_values(node.inputs[1]), node.inputs[0].inputs
    pointwise = weight is not None and set(weight.shape[2:]) == {1} and not any(node.attrs.get("pads", ()))
    return pointwise and node.attrs.get("group", 1) == 1 and bool(pooled) and pooled[0].op == "GlobalAveragePool"


def _swap(graph: gs.Graph, conv: gs.Node, flatten: gs.Node) -> None:
    pooled, scores = conv.inputs[0], flatten.outputs[0]
    weight = np.asarray(constant_values(conv.inputs[1]))
    flat = gs.Variable(unique_name(graph, f"{pooled.name}_flat"), pooled.dtype)
    flatten.inputs, flatten.outputs = [pooled], [flat]
    conv.op, conv.attrs = "Gemm", {"transB": 1}
    matrix = gs.Constant(unique_name(graph, f"{conv.name}_matrix"), weight.reshape(len(weight), -1))
    conv.inputs, conv.outputs = [flat, matrix, *conv.inputs[2:]], [scores]
