"""Activations: functions of one element."""

from __future__ import annotations

import math

from onnx import TensorProto

from ..call import Blob, LayerCall
from ..registry import layer


@layer("ReLU", params="relu_param", options=("negative_slope",), source="BVLC relu_layer.cpp")
def relu(call: LayerCall) -> Blob:
    """max(x, 0) + negative_slope min(x, 0)."""
    slope = call.params.number("negative_slope", 0.0)
    if slope == 0:
        return call.like(call.node("Relu", [call.bottom().tensor]))
    return call.like(call.node("LeakyRelu", [call.bottom().tensor], alpha=slope))


@layer("PReLU", params="prelu_param", options=("channel_shared",), source="BVLC prelu_layer.cpp")
def prelu(call: LayerCall) -> Blob:
    """max(x, 0) + a min(x, 0), a being one number per channel or, with channel_shared, one."""
    x = call.bottom()
    if x.rank < 2:
        raise call.error(f"its bottom of shape {x.shape} has no channels")
    slopes = 1 if call.params.boolean("channel_shared") else x.shape[1]
    slope = call.parameter(0, (slopes, *[1] * (x.rank - 2)), init=0.25)
    return call.like(call.node("PRelu", [x.tensor, slope]))


@layer("ELU", params="elu_param", options=("alpha",), source="BVLC elu_layer.cpp")
def elu(call: LayerCall) -> Blob:
    """Gives x above 0 and alpha (exp(x) - 1) below."""
    return call.like(call.node("Elu", [call.bottom().tensor], alpha=call.params.number("alpha", 1.0)))


@layer("Sigmoid", params="sigmoid_param", source="BVLC sigmoid_layer.cpp")
def sigmoid(call: LayerCall) -> Blob:
    """1 / (1 + exp(-x))."""
    return call.like(call.node("Sigmoid", [call.bottom().tensor]))


@layer("TanH", params="tanh_param", source="BVLC tanh_layer.cpp")
def tanh(call: LayerCall) -> Blob:
    """The hyperbolic tangent."""
    return call.like(call.node("Tanh", [call.bottom().tensor]))


@layer("AbsVal", source="BVLC absval_layer.cpp")
def absval(call: LayerCall) -> Blob:
    """|x|."""
    return call.like(call.node("Abs", [call.bottom().tensor]))


@layer("BNLL", source="BVLC bnll_layer.cpp")
def bnll(call: LayerCall) -> Blob:
    """log(1 + exp(x))."""
    return call.like(call.node("Softplus", [call.bottom().tensor]))


@layer("Swish", params="swish_param", options=("beta",), source="BVLC swish_layer.cpp")
def swish(call: LayerCall) -> Blob:
    """Gives x sigmoid(beta x)."""
    x = call.bottom().tensor
    gate = call.node("Sigmoid", [_scaled(call, x, call.params.number("beta", 1.0))])
    return call.like(call.node("Mul", [x, gate]))


@layer("Clip", params="clip_param", options=("min", "max"), source="BVLC clip_layer.cpp")
def clip(call: LayerCall) -> Blob:
    """Limits x to min..max."""
    if not (call.params.has("min") and call.params.has("max")):
        raise call.error("clip_param needs both min and max")
    low, high = (call.constant(call.params.number(name)) for name in ("min", "max"))
    return call.like(call.node("Clip", [call.bottom().tensor, low, high]))


@layer("Threshold", params="threshold_param", options=("threshold",), source="BVLC threshold_layer.cpp")
def threshold(call: LayerCall) -> Blob:
    """1 where x is greater than the threshold, else 0."""
    above = call.node("Greater", [call.bottom().tensor, call.constant(call.params.number("threshold", 0.0))])
    return call.like(call.node("Cast", [above], to=TensorProto.FLOAT))


@layer("Power", params="power_param", options=("power", "scale", "shift"), source="BVLC power_layer.cpp")
def power(call: LayerCall) -> Blob:
    """(shift + scale x) to the power."""
    exponent, scale, shift = (
        call.params.number(name, default) for name, default in (("power", 1.0), ("scale", 1.0), ("shift", 0.0))
    )
    y = _affine(call, call.bottom().tensor, 1.0 if exponent == 0 else scale, shift)
    if exponent != 1 or (scale, shift) == (1, 0):  # at least one node, so that the top is a tensor of its own
        y = call.node("Pow", [y, call.constant(exponent)])
    return call.like(y)


@layer("Exp", params="exp_param", options=("base", "scale", "shift"), source="BVLC exp_layer.cpp")
def exp(call: LayerCall) -> Blob:
    """base^(shift + scale x); base -1 stands for e."""
    logarithm = _log_base(call)
    scale, shift = call.params.number("scale", 1.0), call.params.number("shift", 0.0)
    return call.like(call.node("Exp", [_affine(call, call.bottom().tensor, scale * logarithm, shift * logarithm)]))


@layer("Log", params="log_param", options=("base", "scale", "shift"), source="BVLC log_layer.cpp")
def log(call: LayerCall) -> Blob:
    """The logarithm to `base` (-1 stands for e) of shift + scale x."""
    scale, shift = call.params.number("scale", 1.0), call.params.number("shift", 0.0)
    y = call.node("Log", [_affine(call, call.bottom().tensor, scale, shift)])
    return call.like(_scaled(call, y, 1.0 / _log_base(call)))


def _log_base(call: LayerCall) -> float:
    base = call.params.number("base", -1.0)
    if base != -1 and (base <= 0 or base == 1 or math.isinf(base)):
        raise call.error(f"base {base} is neither -1 nor a positive number other than 1")
    return 1.0 if base == -1 else math.log(base)


def _affine(call: LayerCall, x: str, scale: float, shift: float) -> str:
    y = _scaled(call, x, scale)
    return y if shift == 0 else call.node("Add", [y, call.constant(shift)])


def _scaled(call: LayerCall, x: str, factor: float) -> str:
    return x if factor == 1 else call.node("Mul", [x, call.constant(factor)])
