"""How much of a quantized model onnxruntime really computes in integers."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from .session import optimized_model

INTEGER_LAYERS = frozenset({
    "QLinearConv", "ConvInteger", "QGemm", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
})  # fmt: skip
"""What onnxruntime's optimizer makes of a layer between Q and DQ nodes, and the standard's own integer operators."""

FLOAT_LAYERS = frozenset({"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"})

_QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", *INTEGER_LAYERS})


@dataclass(frozen=True, slots=True)
class IntegerLayers:
    """The layers of a quantized model as onnxruntime runs them.

    Attributes:
        integer: how many compute in integers.
        floating: names of the nodes that compute in float.
    """

    integer: int
    floating: tuple[str, ...]


def integer_layers(model: onnx.ModelProto) -> IntegerLayers | None:
    """Read the optimized graph back and count; None for a model that is not quantized at all.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    if not any(node.op_type in _QUANTIZED for node in model.graph.node):
        return None
    nodes = optimized_model(model).graph.node
    return IntegerLayers(
        integer=sum(node.op_type in INTEGER_LAYERS for node in nodes),
        floating=tuple(node.name for node in nodes if node.op_type in FLOAT_LAYERS),
    )
