"""Functions of a tensor and a number: `_plus_scalar`, `_rdiv_scalar`, `_greater_scalar`, ..."""

from __future__ import annotations

from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from .binary import COMPARISONS, LOGIC, combine

_NAMES = {
    "plus": "add",
    "minus": "sub",
    "mul": "mul",
    "div": "div",
    "mod": "mod",
    "power": "power",
    "maximum": "maximum",
    "minimum": "minimum",
    "hypot": "hypot",
    **{name: name for name in (*COMPARISONS, *LOGIC, "not_equal")},
}
_REVERSED = ("minus", "div", "mod", "power")
"""Those that also come as `_rminus_scalar`: the number is on the left."""


@operator(
    *(f"_{name}_scalar" for name in _NAMES),
    *(f"_r{name}_scalar" for name in _REVERSED),
    source="src/operator/tensor/elemwise_binary_scalar_op_basic.cc",
)
def scalar(call: OperatorCall) -> Value:
    """The tensor and the number, converted to the tensor's type; in `_r..._scalar` the number comes first."""
    name = call.node.operator.removeprefix("_").removesuffix("_scalar")
    number = call.scalar(call.options.number("scalar", 1.0))
    sides: tuple[Tensor, Tensor] = (call.data, number)
    if name not in _NAMES:
        name, sides = name.removeprefix("r"), (number, call.data)
    return call.like(combine(call, _NAMES[name], *sides))
