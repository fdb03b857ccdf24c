"""What a pass is, what it reports, and the registry of all passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import onnx_graphsurgeon as gs

from ..errors import PlanishError, nearest
from .budget import Goal
from .plan import Plan


@dataclass(frozen=True, slots=True)
class Change:
    """One place that a pass rewrote.

    Attributes:
        where: name of the node.
        what: what became of it.
    """

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Skip:
    """One place that matched and was left alone.

    Attributes:
        where: name of the node.
        why: the reason.
    """

    where: str
    why: str


@dataclass(slots=True)
class Result:
    """What a pass did.

    Attributes:
        changes: the places it rewrote.
        skips: the places that matched and were left alone.
        notes: what the user should know about the whole.
        plan: what an approximating pass decided for each layer.
    """

    changes: list[Change] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plan: Plan | None = None

    def changed(self, where: str, what: str) -> None:
        """Record a change."""
        self.changes.append(Change(where, what))

    def skipped(self, where: str, why: str) -> None:
        """Record a place left alone."""
        self.skips.append(Skip(where, why))


class Pass(ABC):
    """Rewrites one valid graph into another with the same inputs and outputs.

    Run twice, an exact pass finds nothing the second time. Same graph, same settings: same bytes out.

    Attributes:
        name: in the registry, on the command line, and of the pass's file.
        exact: same function up to rounding, as opposed to an approximation.
    """

    name: ClassVar[str]
    exact: ClassVar[bool]

    @abstractmethod
    def run(self, graph: gs.Graph) -> Result:
        """Rewrite `graph` in place."""

    def with_goal(self, goal: Goal) -> Pass | None:  # noqa: ARG002 - for passes that have one
        """This pass with another goal; None where it has none to reach."""
        return None


_P = TypeVar("_P", bound=type[Pass])
_REGISTRY: dict[str, type[Pass]] = {}


def register(pass_class: _P) -> _P:
    """Class decorator: make a pass known under its name, which no other may have."""
    if pass_class.name in _REGISTRY:
        raise ValueError(f"two passes are called '{pass_class.name}'")
    _REGISTRY[pass_class.name] = pass_class
    return pass_class


def find_pass(name: str) -> type[Pass]:
    """The registered pass of that name.

    Raises:
        PlanishError: there is none.
    """
    if name not in _REGISTRY:
        raise PlanishError(f"no pass is called '{name}'{nearest(name, _REGISTRY)}; there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


def all_passes() -> Iterator[type[Pass]]:
    """The registered passes, exact ones first."""
    return iter(sorted(_REGISTRY.values(), key=lambda pass_class: not pass_class.exact))
