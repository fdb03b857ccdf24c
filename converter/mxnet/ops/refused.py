"""Operators that are known and have no ONNX form, each with the reason."""

from __future__ import annotations

from ..call import OperatorCall, Value
from ..registry import operator

_QUANTIZED = (
    "_contrib_quantize",
    "_contrib_quantize_v2",
    "_contrib_quantize_asym",
    "_contrib_dequantize",
    "_contrib_requantize",
    *(f"_contrib_quantized_{name}" for name in ("conv", "pooling", "fully_connected", "flatten", "concat", "act")),
    *(f"_contrib_quantized_{name}" for name in ("batch_norm", "elemwise_add", "elemwise_mul", "embedding", "reshape")),
    "_sg_mkldnn_conv",
    "_sg_mkldnn_fully_connected",
    "_sg_onednn_conv",
)


@operator(*_QUANTIZED, source="src/operator/quantization")
def quantized(call: OperatorCall) -> Value:
    """Refused: the network was quantized by MXNet for one kind of processor."""
    raise call.unsupported(
        "belongs to a network that MXNet quantized; convert the float network it was made from, and quantize that"
    )


@operator("_foreach", "_while_loop", "_cond", source="src/operator/control_flow.cc")
def control_flow(call: OperatorCall) -> Value:
    """Refused: a loop or a branch with networks of its own."""
    raise call.unsupported("contains other networks (a loop or a branch); unroll it before exporting the symbol")


@operator("Custom", "_CustomFunction", "_Native", "_NDArray", source="src/operator/custom/custom.cc")
def custom(call: OperatorCall) -> Value:
    """Refused: code of the network's author."""
    kind = call.options.values.get("op_type", "?")
    raise call.unsupported(
        f"runs Python code of the network's author ('{kind}'); cut before it with --output, or register a handler for "
        "it under the entry point planish.mxnet_ops"
    )


@operator("_contrib_boolean_mask", "_contrib_index_copy", "_contrib_index_array", source="src/operator/contrib")
def data_dependent(call: OperatorCall) -> Value:
    """Refused: the shape of the result depends on the data."""
    raise call.unsupported("its result's shape depends on the data; cut the network before it with --output")
