"""Softmax and its relatives."""

from __future__ import annotations

from ..call import OperatorCall, Tensor, Value
from ..registry import operator


@operator("softmax", "log_softmax", "softmin", source="src/operator/nn/softmax-inl.h")
def softmax(call: OperatorCall) -> Value:
    """Softmax, its logarithm, or softmax of -x, over `axis`, of x / temperature; with `use_length` of masked rows."""
    axis = call.axis("axis", -1)
    scaled: Tensor = call.data
    temperature = call.options.number("temperature", 1.0)
    if temperature == 0:
        raise call.error("its temperature is 0")
    factor = (-1.0 if call.node.operator == "softmin" else 1.0) / temperature
    call.options.has("dtype")
    if factor != 1:
        scaled = call.emit("Mul", [scaled, call.scalar(factor)])
    if call.options.boolean("use_length", default=False):
        return call.like(_with_length(call, scaled, axis))
    name = "LogSoftmax" if call.node.operator == "log_softmax" else "Softmax"
    return call.like(call.emit(name, [scaled], axis=axis))


def _with_length(call: OperatorCall, scaled: Tensor, axis: int) -> str:
    """Elements at or beyond the row's length count as minus infinity, and give 0."""
    if call.node.operator != "softmax":
        raise call.unsupported("use_length has no defined result beyond the length; use softmax")
    shape = call.data.shape
    lengths = call.reshape(call.cast(call.input(1), "int64"), [1 if i == axis else n for i, n in enumerate(shape)])
    places = call.range(shape[axis])
    places = call.reshape(places, [n if i == axis else 1 for i, n in enumerate(shape)])
    inside = call.emit("Less", [places, lengths])
    masked = call.emit("Where", [inside, scaled, call.scalar(-3e38)])
    return call.emit("Where", [inside, call.emit("Softmax", [masked], axis=axis), call.scalar(0)])


@operator("SoftmaxActivation", source="src/operator/nn/softmax_activation-inl.h")
def softmax_activation(call: OperatorCall) -> Value:
    """Softmax over axis 1 in mode `channel`, else over the last axis, not over the sample as MXNet documents."""
    mode = call.options.text("mode", ("instance", "channel"), "instance")
    return call.like(call.emit("Softmax", [call.data], axis=1 if mode == "channel" else call.data.rank - 1))
