"""Activation and LeakyReLU's family."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import follows_batch

_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softrelu": "Softplus",
    "softsign": "Softsign",
    "tanh": "Tanh",
}


@operator("Activation", source="src/operator/nn/activation-inl.h")
def activation(call: OperatorCall) -> Value:
    """Relu, sigmoid, softrelu (log(1 + exp(x))), softsign or tanh."""
    return call.like(call.emit(_ACTIVATIONS[call.options.text("act_type", tuple(_ACTIVATIONS))], [call.data]))


@operator("LeakyReLU", source="src/operator/leaky_relu-inl.h", outputs=("output", "mask"))
def leaky_relu(call: OperatorCall) -> Value | Sequence[Value]:
    """Leaky, elu, selu, gelu (with erf), prelu with learned slopes, rrelu with the mean of its bounds as slope."""
    slope = call.options.number("slope", 0.25)
    kind = call.options.text("act_type", ("elu", "gelu", "leaky", "prelu", "rrelu", "selu"), "leaky")
    if kind == "prelu":
        return _prelu(call)
    if kind == "rrelu":
        bounds = call.options.number("lower_bound", 0.125), call.options.number("upper_bound", 0.334)
        made = call.like(call.emit("LeakyRelu", [call.data], alpha=sum(bounds) / 2))
        return made, call.like(call.emit("Mul", [call.data, call.scalar(0)]))
    if kind == "gelu":
        return call.like(_gelu(call))
    if kind == "selu":
        return call.like(call.emit("Selu", [call.data]))
    return call.like(call.emit("Elu" if kind == "elu" else "LeakyRelu", [call.data], alpha=slope))


def _prelu(call: OperatorCall) -> Value:
    """Slopes per channel (axis 1, or the last of a matrix), or one for all."""
    x = call.data
    channels = x.shape[1] if x.rank > 1 else x.shape[0]
    one_for_all = isinstance(given := call.inputs[-1], Value) and math.prod(given.shape) == 1
    if follows_batch(channels):
        channels = 1
    gamma = call.parameter(1, given.shape if one_for_all and isinstance(given, Value) else (channels,), init=0.25)
    slope = call.reshape(gamma, (-1 if one_for_all else channels, *[1] * max(0, x.rank - 2)))
    return call.like(call.emit("PRelu", [x, slope]))


def _gelu(call: OperatorCall) -> str:
    """X / 2 * (1 + erf(x / sqrt(2)))."""
    erf = call.emit("Erf", [call.emit("Mul", [call.data, call.scalar(math.sqrt(0.5))])])
    half = call.emit("Mul", [call.data, call.scalar(0.5)])
    return call.emit("Mul", [half, call.emit("Add", [erf, call.scalar(1)])])
