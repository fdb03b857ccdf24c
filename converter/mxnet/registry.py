"""The operators that can be converted, and how to add one.

A handler is a function of 3 to 20 lines in `ops/`, registered under MXNet's canonical name of the operator. It gets an
`OperatorCall` (call.py) and returns the operator's outputs as `Value`s:

    @operator("_contrib_quadratic", source="src/operator/contrib/quadratic_op-inl.h")
    def quadratic(call: OperatorCall) -> Value:
        \"\"\"a * x * x + b * x + c.\"\"\"
        x = call.data                                       # Value: .tensor (ONNX name), .shape, .dtype
        a, b, c = (call.options.number(key, 0.0) for key in "abc")   # typed; absent gives MXNet's default
        factor = call.emit("Add", [call.emit("Mul", [x, call.scalar(a)]), call.scalar(b)])
        return call.like(call.emit("Add", [call.emit("Mul", [x, factor]), call.scalar(c)]))

What else a handler may need: `call.parameter(i, shape)` an input that is a weight, checked against its shape
(`call.weight(i, shape)` as an array); `call.value(tensor, shape, dtype)` an output of another shape;
`raise call.error("why")` where the network contradicts itself; `raise call.unsupported("why, and what to do")` where
ONNX cannot say it. Sizes may stand for the dynamic batch (shapes.py): compute with them freely, and hand numbers to the
graph through `call` alone, which checks them.

Third parties register theirs through the entry point group `planish.mxnet_ops`: the module it names is imported before
the first conversion, and its `@operator` decorators do the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...errors import PlanishError
from ..plugins import load_handlers
from .call import OperatorCall, Value
from .legacy import ALIASES

ENTRY_POINT = "planish.mxnet_ops"

Handler: TypeAlias = Callable[[OperatorCall], "Value | Sequence[Value]"]


@dataclass(frozen=True, slots=True)
class Operator:
    """A registered operator.

    Attributes:
        name: MXNet's canonical name.
        handler: converts one.
        unread: positions of inputs that inference does not read.
        outputs: MXNet's names of its outputs where it has several.
        source: the definition it follows, a file of MXNet 1.9.1.
    """

    name: str
    handler: Handler
    unread: tuple[int, ...]
    outputs: tuple[str, ...]
    source: str

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]

    @property
    def aliases(self) -> list[str]:
        """Other names that MXNet has for it."""
        return sorted(alias for alias, name in ALIASES.items() if name == self.name)


_OPERATORS: dict[str, Operator] = {}


def operator(
    *names: str, source: str, unread: Sequence[int] = (), outputs: Sequence[str] = ()
) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of one or more operators.

    Args:
        names: canonical names.
        source: the definition followed: a file of MXNet.
        unread: positions of inputs that inference does not read (labels).
        outputs: MXNet's names of its outputs, where those are not `output`, or `output0`, `output1`, ...

    Raises:
        PlanishError: another handler has that name.
    """

    def register(handler: Handler) -> Handler:
        for name in names:
            known = _OPERATORS.get(name)
            if known is not None and known.handler is not handler:
                raise PlanishError(
                    f"operator '{name}' of {handler.__module__} is registered already by {known.handler.__module__}; "
                    "give it another name"
                )
            _OPERATORS[name] = Operator(name, handler, tuple(unread), tuple(outputs), source)
        return handler

    return register


@functools.cache
def _load() -> None:
    from . import ops  # noqa: PLC0415 - the handlers import this module

    load_handlers(ops, ENTRY_POINT)


def find_operator(name: str) -> Operator | None:
    """The registered operator of that canonical name, or None."""
    _load()
    return _OPERATORS.get(name)


def operators() -> list[Operator]:
    """All registered operators, sorted by name."""
    _load()
    return sorted(_OPERATORS.values(), key=lambda entry: entry.name.lstrip("_").lower())
