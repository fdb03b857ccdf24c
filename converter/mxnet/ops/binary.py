"""Functions of two tensors, element by element, with and without broadcasting."""

from __future__ import annotations

from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import broadcast

_ARITHMETIC = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "maximum": "Max",
    "minimum": "Min",
    "power": "Pow",
}
COMPARISONS = {
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "lesser": "Less",
    "lesser_equal": "LessOrEqual",
}
LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
_ALL = (*_ARITHMETIC, *COMPARISONS, *LOGIC, "not_equal", "mod", "hypot")
_PREFIXES = ("broadcast_", "elemwise_", "_")


def _names() -> list[str]:
    """Add, sub, mul and div are `elemwise_`, the other operators without broadcasting begin with an underscore."""
    same_shape = [f"elemwise_{name}" if name in ("add", "sub", "mul", "div") else f"_{name}" for name in _ALL]
    return [*same_shape, *(f"broadcast_{name}" for name in _ALL)]


@operator(*_names(), source="src/operator/tensor/elemwise_binary_broadcast_op_basic.cc")
def binary(call: OperatorCall) -> Value:
    """Arithmetic, comparison (1 or 0 in the type of the inputs) or logic of two tensors."""
    left, right = call.input(0), call.input(1)
    shape = broadcast(left.shape, right.shape)
    broadcasts = call.node.operator.startswith("broadcast_") or left.open or right.open
    if shape is None or (left.shape != right.shape and not broadcasts):
        raise call.error(f"its inputs have shapes {left.shape} and {right.shape}, which do not fit")
    name = call.node.operator
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return Value(combine(call, name, left, right), shape, left.dtype, open=left.open and right.open)


def combine(call: OperatorCall, name: str, left: Tensor, right: Tensor) -> str:
    """The tensor of `left` NAME `right`, in the type of the operator's first input."""
    if name in _ARITHMETIC:
        return call.emit(_ARITHMETIC[name], [left, right])
    if name in COMPARISONS:
        return call.cast(call.emit(COMPARISONS[name], [left, right]), call.data.dtype)
    if name == "not_equal":
        return call.cast(call.emit("Not", [call.emit("Equal", [left, right])]), call.data.dtype)
    if name in LOGIC:
        truths = [call.cast(tensor, "bool") for tensor in (left, right)]
        return call.cast(call.emit(LOGIC[name], truths), call.data.dtype)
    if name == "hypot":
        squares = [call.emit("Mul", [tensor, tensor]) for tensor in (left, right)]
        return call.emit("Sqrt", [call.emit("Add", squares)])
    return modulo(call, left, right)


def modulo(call: OperatorCall, left: Tensor, right: Tensor) -> str:
    """The remainder with the divisor's sign, 0 where the divisor is 0 (`mshadow_op.h`, mod)."""
    zero = call.scalar(0)
    rest = call.emit("Mod", [left, right], fmod=1)
    signs_differ = call.emit("Less", [call.emit("Mul", [call.emit("Sign", [rest]), call.emit("Sign", [right])]), zero])
    signed = call.emit("Where", [signs_differ, call.emit("Add", [rest, right]), rest])
    return call.emit("Where", [call.emit("Equal", [right, zero]), zero, signed])


@operator("add_n", source="src/operator/tensor/elemwise_sum.cc")
def add_n(call: OperatorCall) -> Value:
    """The sum of all inputs."""
    values = call.values()
    if len({value.shape for value in values}) != 1:
        raise call.error(f"its inputs have different shapes: {', '.join(str(value.shape) for value in values)}")
    if len(values) == 1:
        return values[0]
    total = values[0].tensor
    for value in values[1:]:
        total = call.emit("Add", [total, value])
    return call.like(total)


@operator("where", source="src/operator/tensor/control_flow_op.h")
def where(call: OperatorCall) -> Value:
    """X where the condition is not 0, else y; a condition of one axis chooses rows."""
    condition, x, y = call.input(0), call.input(1), call.input(2)
    if x.shape != y.shape or condition.shape not in (x.shape, x.shape[:1]):
        raise call.error(f"condition, x and y have shapes {condition.shape}, {x.shape} and {y.shape}, which do not fit")
    chosen: Tensor = call.cast(condition, "bool")
    if condition.shape != x.shape:
        chosen = call.reshape(chosen, (*condition.shape, *[1] * (x.rank - 1)))
    return call.value(call.emit("Where", [chosen, x, y]), x.shape, x.dtype)
