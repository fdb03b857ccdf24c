"""The registry of handlers that follow channels through operators."""

from __future__ import annotations

from collections.abc import Callable

import onnx_graphsurgeon as gs

from .channels import Coupling

Handler = Callable[[gs.Node, Coupling], None]
"""Hands the channels of a node's inputs on to its outputs, and records what has to be cut.

Raises NotFollowedError before it records anything; the channels that the node reads are then kept.
"""

_HANDLERS: dict[str, Handler] = {}


def follows(*operators: str) -> Callable[[Handler], Handler]:
    """Decorator: the handler of these ONNX operators, which may have no other."""

    def add(handler: Handler) -> Handler:
        for operator in operators:
            if operator in _HANDLERS:
                raise ValueError(f"two handlers follow channels through {operator}")
            _HANDLERS[operator] = handler
        return handler

    return add


def handler_of(operator: str) -> Handler | None:
    """The handler of an operator; None for those that pruning does not follow."""
    return _HANDLERS.get(operator)
