"""InnerProduct and Embed."""

from __future__ import annotations

import math

from onnx import TensorProto

from ..call import Blob, LayerCall
from ..registry import layer


@layer(
    "InnerProduct",
    params="inner_product_param",
    options=("num_output", "bias_term", "axis", "transpose"),
    source="BVLC inner_product_layer.cpp",
)
def inner_product(call: LayerCall) -> Blob:
    """Gives x W^T + b, with the axes from `axis` on flattened into K; weights (N, K), or (K, N) with `transpose`."""
    x = call.bottom()
    axis = call.axis("axis", 1)
    outputs, inputs = call.params.integer("num_output"), math.prod(x.shape[axis:])
    if x.batch is not None and axis <= x.batch:
        call.fix_batch(f"axis {axis} flattens the batch into its weights")
    transpose = call.params.boolean("transpose")
    operands = [x.tensor if x.rank == 2 and axis == 1 else call.node("Flatten", [x.tensor], axis=axis)]
    operands.append(call.parameter(0, (inputs, outputs) if transpose else (outputs, inputs)))
    if call.params.boolean("bias_term", default=True):
        operands.append(call.parameter(1, (outputs,), init=0.0))
    y = call.node("Gemm", operands, name=call.layer.name, transB=None if transpose else 1)
    shape = (*x.shape[:axis], outputs)
    return call.top(y if axis == 1 else call.reshape(y, shape), shape)


@layer("Embed", params="embed_param", options=("num_output", "input_dim", "bias_term"), source="BVLC embed_layer.cpp")
def embed(call: LayerCall) -> Blob:
    """Rows of a (input_dim, num_output) matrix, chosen by the bottom's values."""
    x = call.bottom()
    rows, columns = call.params.integer("input_dim"), call.params.integer("num_output")
    index = call.node("Cast", [x.tensor], to=TensorProto.INT64)
    y = call.node("Gather", [call.parameter(0, (rows, columns)), index])
    if call.params.boolean("bias_term", default=True):
        y = call.node("Add", [y, call.parameter(1, (columns,), init=0.0)])
    return call.top(y, (*x.shape, columns))
