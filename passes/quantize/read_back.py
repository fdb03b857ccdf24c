"""What onnxruntime really makes of a quantized model: which layers ended up float, and why."""

from __future__ import annotations

import onnx
import onnx_graphsurgeon as gs

from ...runtime_check.layout import INTEGER_LAYERS
from ...runtime_check.session import optimized_model
from ..graph import to_parts
from .placement import Placement
from .write_qdq import QUANTIZED


def stayed_float(graph: gs.Graph, placement: Placement) -> dict[str, str]:
    """The layers that should compute in integers and do not, by name with the reason.

    Args:
        graph: the quantized network.
        placement: what was intended.
    """
    optimized = optimized_model(to_parts(graph).to_model())
    integer = {name for node in optimized.graph.node if node.op_type in INTEGER_LAYERS for name in node.input if name}
    left = {}
    for node in placement.layers:
        values = f"{node.name}_weight{QUANTIZED}"
        if values not in integer:
            left[node.name] = _reason(optimized, node)
    return left


def _reason(optimized: onnx.ModelProto, node: gs.Node) -> str:
    operators = {other.op_type for other in optimized.graph.node if other.name == node.name}
    kind = next(iter(operators), node.op)
    followers = {reader.op for tensor in node.outputs for reader in tensor.outputs}
    if not followers & {"QuantizeLinear", "Relu", "Clip"}:
        return f"onnxruntime runs it as {kind}: no QuantizeLinear follows it"
    return f"onnxruntime runs it as {kind}: this version has no integer kernel for its pattern"
