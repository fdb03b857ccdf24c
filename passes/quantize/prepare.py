"""Bring a graph into the state that quantization begins with, or say why it cannot be quantized."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import ModelError
from ..exact.opset import convert_opset
from ..graph import constant_values, to_graph, to_parts, unique_name
from .heads import classifiers_as_gemm
from .placement import WEIGHTED

FIRST_OPSET = 13
"""The first DequantizeLinear with one scale per channel."""

_QUANTIZED = frozenset({
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
    "MatMulInteger", "QGemm",
})  # fmt: skip


def prepare(graph: gs.Graph, *, requantize: bool, opset: int = FIRST_OPSET) -> None:
    """Refuse what cannot be quantized, undo an earlier quantization if asked, raise the opset, and make heads Gemms.

    Args:
        graph: changed in place.
        requantize: whether to take an earlier quantization's Q/DQ nodes out.
        opset: the least version of the standard operators that is needed.

    Raises:
        ModelError: the model is quantized already, float16, or in an opset that cannot be raised.
    """
    if requantize:
        _drop_qdq(graph)
    found = sorted({node.op for node in graph.nodes if node.op in _QUANTIZED})
    if found:
        raise ModelError(
            f"model '{graph.name}' is quantized already (it has {', '.join(found)}); quantize the float model instead, "
            "or give --requantize, which takes QuantizeLinear and DequantizeLinear out first"
        )
    _refuse_half(graph)
    if graph.opset < opset:
        raise_opset(graph, opset)
    classifiers_as_gemm(graph)
    graph.toposort()


def _refuse_half(graph: gs.Graph) -> None:
    weights = [constant_values(node.inputs[1]) for node in graph.nodes if node.op in WEIGHTED]
    known = [weight for weight in weights if weight is not None]
    if known and all(weight.dtype == np.float16 for weight in known):
        raise ModelError(
            f"model '{graph.name}' computes in float16, which integers cannot be fitted to; quantize the float32 model"
        )


def raise_opset(graph: gs.Graph, opset: int) -> None:
    """Bring `graph` to a newer version of the standard operators, in place.

    Raises:
        ModelError: onnx's converter cannot.
    """
    newer = to_graph(convert_opset(to_parts(graph), opset))
    graph.nodes, graph.inputs, graph.outputs = newer.nodes, newer.inputs, newer.outputs
    graph.opset, graph.import_domains = newer.opset, newer.import_domains


def _drop_qdq(graph: gs.Graph) -> None:
    """Fold dequantized constants to float ones, and join what Q/DQ pairs of activations separate."""
    for node in [node for node in graph.nodes if node.op == "DequantizeLinear"]:
        source, output = node.inputs[0], node.outputs[0]
        values = constant_values(source)
        if values is not None:
            real = _real(node, values)
            node.outputs.clear()
            output.to_constant(real)
        elif len(source.inputs) == 1 and source.inputs[0].op == "QuantizeLinear":
            _join(graph, source.inputs[0], node)
    graph.cleanup().toposort()


def _join(graph: gs.Graph, quantize: gs.Node, dequantize: gs.Node) -> None:
    """Take both out; where the second has other steps, which scale, a Mul does that instead."""
    before, after = (np.asarray(constant_values(node.inputs[1]), np.float32) for node in (quantize, dequantize))
    factors = after / before
    if (factors == 1).all():
        _bypass(graph, quantize.inputs[0], dequantize.outputs[0])
        return
    if factors.ndim:  # a step per channel of a map
        factors = np.moveaxis(factors.reshape(-1, 1, 1, 1), 0, int(dequantize.attrs.get("axis", 1)))
    constant = gs.Constant(unique_name(graph, f"{dequantize.name}_factors"), factors)
    dequantize.op, dequantize.attrs, dequantize.inputs = "Mul", {}, [quantize.inputs[0], constant]


def _bypass(graph: gs.Graph, source: gs.Tensor, output: gs.Tensor) -> None:
    if any(output is tensor for tensor in graph.outputs):
        producer = source.inputs[0]
        output.inputs.clear()
        producer.outputs[producer.outputs.index(source)] = output
        source, output = output, source
    for reader in list(output.outputs):
        for index, tensor in enumerate(reader.inputs):
            if tensor is output:
                reader.inputs[index] = source


def _real(node: gs.Node, values: np.ndarray) -> np.ndarray:
    """The real numbers that a DequantizeLinear of constants gives."""
    scale = np.asarray(constant_values(node.inputs[1]), np.float32)
    zero = constant_values(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2].name else None
    shape = [1] * values.ndim
    if scale.size > 1:
        shape[int(node.attrs.get("axis", 1))] = scale.size
    offset = np.zeros(1, np.float32) if zero is None else np.asarray(zero, np.float32)
    offset = offset.reshape(shape) if offset.size > 1 else offset.reshape(-1)[0]
    return np.asarray(
        (values.astype(np.float32) - offset) * (scale.reshape(shape) if scale.size > 1 else scale.reshape(-1)[0])
    )
