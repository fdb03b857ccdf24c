"""Functions of one tensor, element by element."""

from __future__ import annotations

import math

import numpy as np

from ..call import OperatorCall, Value
from ..registry import operator

_SOURCE = "src/operator/mshadow_op.h"

_SAME = {
    "abs": "Abs",
    "arccos": "Acos",
    "arccosh": "Acosh",
    "arcsin": "Asin",
    "arcsinh": "Asinh",
    "arctan": "Atan",
    "arctanh": "Atanh",
    "ceil": "Ceil",
    "cos": "Cos",
    "cosh": "Cosh",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "negative": "Neg",
    "reciprocal": "Reciprocal",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "softsign": "Softsign",
    "sqrt": "Sqrt",
    "tan": "Tan",
    "tanh": "Tanh",
}
"""ONNX operators by MXNet operators that mean the same."""

_INTEGERS_TOO = {"Abs", "Neg", "Sign"}
_ROUNDING = {"Ceil", "Floor"}


@operator(*_SAME, source=_SOURCE)
def unary(call: OperatorCall) -> Value:
    """The ONNX operator of the same meaning; integers are computed as floating-point numbers and truncated."""
    name = _SAME[call.node.operator]
    if call.data.dtype == "float32" or name in _INTEGERS_TOO:
        return call.like(call.emit(name, [call.data]))
    if name in _ROUNDING:
        return call.data
    return call.like(call.cast(call.emit(name, [call.cast(call.data, "float32")]), call.data.dtype))


@operator("square", source=_SOURCE)
def square(call: OperatorCall) -> Value:
    """X * x."""
    return call.like(call.emit("Mul", [call.data, call.data]))


@operator("rsqrt", source=_SOURCE)
def rsqrt(call: OperatorCall) -> Value:
    """1 / sqrt(x)."""
    return call.like(call.emit("Reciprocal", [call.emit("Sqrt", [call.data])]))


@operator("cbrt", "rcbrt", source=_SOURCE)
def cbrt(call: OperatorCall) -> Value:
    """The cubic root, which keeps the sign, or its reciprocal."""
    magnitude = call.emit("Pow", [call.emit("Abs", [call.data]), call.scalar(1 / 3)])
    root = call.emit("Mul", [magnitude, call.emit("Sign", [call.data])])
    return call.like(root if call.node.operator == "cbrt" else call.emit("Reciprocal", [root]))


@operator("log2", "log10", source=_SOURCE)
def log_to_base(call: OperatorCall) -> Value:
    """The logarithm to base 2 or 10."""
    base = math.log(2 if call.node.operator == "log2" else 10)
    return call.like(call.emit("Div", [call.emit("Log", [call.data]), call.scalar(base)]))


@operator("log1p", source=_SOURCE)
def log1p(call: OperatorCall) -> Value:
    """log(1 + x)."""
    return call.like(call.emit("Log", [call.emit("Add", [call.data, call.scalar(1)])]))


@operator("expm1", source=_SOURCE)
def expm1(call: OperatorCall) -> Value:
    """exp(x) - 1."""
    return call.like(call.emit("Sub", [call.emit("Exp", [call.data]), call.scalar(1)]))


@operator("degrees", "radians", source=_SOURCE)
def change_angle_unit(call: OperatorCall) -> Value:
    """Radians to degrees, or back."""
    factor = 180 / math.pi if call.node.operator == "degrees" else math.pi / 180
    return call.like(call.emit("Mul", [call.data, call.scalar(factor)]))


@operator("round", source=_SOURCE)
def round_half_away(call: OperatorCall) -> Value:
    """To the nearest integer, halves away from zero (ONNX's Round takes halves to the even one)."""
    if call.data.dtype != "float32":
        return call.data
    size = call.emit("Abs", [call.data])
    low = call.emit("Floor", [size])
    rest = call.emit("Sub", [size, low])
    up = call.cast(call.emit("GreaterOrEqual", [rest, call.scalar(0.5)]), "float32")
    return call.like(call.emit("Mul", [call.emit("Add", [low, up]), call.emit("Sign", [call.data])]))


@operator("rint", source=_SOURCE)
def rint(call: OperatorCall) -> Value:
    """To the nearest integer, halves downwards: what MXNet's rint does, unlike C's."""
    if call.data.dtype != "float32":
        return call.data
    low = call.emit("Floor", [call.data])
    up = call.emit("Greater", [call.emit("Sub", [call.data, low]), call.scalar(0.5)])
    return call.like(call.emit("Add", [low, call.cast(up, "float32")]))


@operator("fix", "trunc", source=_SOURCE)
def truncate(call: OperatorCall) -> Value:
    """Towards zero."""
    if call.data.dtype != "float32":
        return call.data
    size = call.emit("Floor", [call.emit("Abs", [call.data])])
    return call.like(call.emit("Mul", [size, call.emit("Sign", [call.data])]))


@operator("logical_not", source=_SOURCE)
def logical_not(call: OperatorCall) -> Value:
    """1 where x is 0, else 0."""
    return call.like(call.cast(call.emit("Equal", [call.data, call.scalar(0)]), call.data.dtype))


@operator("hard_sigmoid", source="src/operator/tensor/elemwise_unary_op_basic.cc")
def hard_sigmoid(call: OperatorCall) -> Value:
    """max(0, min(1, alpha * x + beta))."""
    alpha, beta = call.options.number("alpha", 0.2), call.options.number("beta", 0.5)
    return call.like(call.emit("HardSigmoid", [call.data], alpha=alpha, beta=beta))


@operator("clip", source="src/operator/tensor/matrix_op.cc")
def clip(call: OperatorCall) -> Value:
    """max(a_min, min(a_max, x))."""
    low, high = call.options.number("a_min"), call.options.number("a_max")
    return call.like(call.emit("Clip", [call.data, call.scalar(low), call.scalar(high)]))


@operator("smooth_l1", source="src/operator/tensor/elemwise_binary_scalar_op_extended.cc")
def smooth_l1(call: OperatorCall) -> Value:
    """(s x)^2 / 2 where |x| < 1 / s^2, else |x| - 1 / (2 s^2)."""
    square = call.options.number("scalar", 1.0) ** 2
    size = call.emit("Abs", [call.data])
    inner = call.emit("Mul", [call.emit("Mul", [call.data, call.data]), call.scalar(square / 2)])
    outer = call.emit("Sub", [size, call.scalar(0.5 / square)])
    return call.like(call.emit("Where", [call.emit("Less", [size, call.scalar(1 / square)]), inner, outer]))


@operator("_contrib_quadratic", source="src/operator/contrib/quadratic_op-inl.h")
def quadratic(call: OperatorCall) -> Value:
    """A * x * x + b * x + c."""
    a, b, c = (call.options.number(key, 0.0) for key in "abc")
    slope = call.emit("Add", [call.emit("Mul", [call.data, call.scalar(a)]), call.scalar(b)])
    return call.like(call.emit("Add", [call.emit("Mul", [call.data, slope]), call.scalar(c)]))


@operator("_contrib_div_sqrt_dim", source="src/operator/contrib/transformer.cc")
def div_sqrt_dim(call: OperatorCall) -> Value:
    """X / sqrt(size of the last axis)."""
    return call.like(call.emit("Div", [call.data, call.scalar(float(np.sqrt(call.data.shape[-1])))]))


@operator("gamma", "gammaln", "erfinv", "digamma", source=_SOURCE)
def special_function(call: OperatorCall) -> Value:
    """Refused: ONNX has no operator for it."""
    raise call.unsupported("ONNX has no such function; cut the network before it with --output")
