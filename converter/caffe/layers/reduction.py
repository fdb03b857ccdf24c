"""Softmax, ArgMax and Reduction."""

from __future__ import annotations

import math

from onnx import TensorProto

from ..call import Blob, LayerCall
from ..registry import layer

_REDUCTIONS = {1: "SUM", 2: "ASUM", 3: "SUMSQ", 4: "MEAN"}
_OPERATORS = {"SUM": "ReduceSum", "ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}


@layer("Softmax", params="softmax_param", options=("axis",), source="BVLC softmax_layer.cpp")
def softmax(call: LayerCall) -> Blob:
    """exp(x) / sum exp(x) along an axis."""
    return call.like(call.node("Softmax", [call.bottom().tensor], axis=call.axis("axis", 1)))


@layer("Reduction", params="reduction_param", options=("operation", "axis", "coeff"), source="BVLC reduction_layer.cpp")
def reduction(call: LayerCall) -> Blob:
    """SUM, ASUM (of magnitudes), SUMSQ (of squares) or MEAN over all axes from `axis` on, times coeff."""
    x = call.bottom()
    axis = call.axis("axis", 0)
    operation = call.params.enum("operation", _REDUCTIONS, "SUM")
    y = call.reduce(_OPERATORS[operation], x.tensor, range(axis, x.rank), keepdims=0)
    coefficient = call.params.number("coeff", 1.0)
    if coefficient != 1:
        y = call.node("Mul", [y, call.constant(coefficient)])
    kept = x.batch if x.batch is not None and x.batch < axis else None
    return call.top(y, x.shape[:axis], batch=kept)


@layer("ArgMax", params="argmax_param", options=("out_max_val", "top_k", "axis"), source="BVLC argmax_layer.cpp")
def argmax(call: LayerCall) -> Blob:
    """Indices (or values) of the top_k largest along an axis or, without one, of each sample, indices then values."""
    x = call.bottom()
    count, wants_values = call.params.integer("top_k", 1), call.params.boolean("out_max_val")
    flat = not call.params.has("axis")
    axis = 1 if flat else call.axis("axis", 1)
    size = math.prod(x.shape[1:]) if flat else x.shape[axis]
    if not 1 <= count <= size:
        raise call.error(f"top_k {count} of {size} values")
    source = call.node("Flatten", [x.tensor], axis=1) if flat else x.tensor
    values, indices = _largest(call, source, axis, size, count)
    if not flat:
        shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
        return call.top(values if wants_values else indices, shape)
    y = indices if not wants_values else call.node("Concat", [indices, values], axis=1)
    shape = (x.shape[0], 2 if wants_values else 1, count, *[1] * (x.rank - 3))
    return call.top(call.reshape(y, shape), shape)


def _largest(call: LayerCall, x: str, axis: int, size: int, count: int) -> tuple[str, str]:
    """The `count` largest and their indices as floats; of equals Caffe takes the last first, hence the reversal."""
    backwards = [call.integers([value]) for value in (-1, -(size + 1), axis, -1)]
    names = [f"{call.layer.name}/values", f"{call.layer.name}/indices"]
    reverse = call.node("Slice", [x, *backwards])
    values, found = call.builder.node_with_outputs(
        "TopK", [reverse, call.integers([count])], names, name=f"{call.layer.name}/TopK", axis=axis
    )
    index = call.node("Sub", [call.integers(size - 1), found])
    return values, call.node("Cast", [index], to=TensorProto.FLOAT)
