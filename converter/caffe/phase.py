"""Which layers of a net run: include and exclude rules against the state of the net.

Source: BVLC net.cpp (FilterNet, StateMeetsRule).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .message import Message

_PHASES = ("TRAIN", "TEST")


@dataclass(frozen=True, slots=True)
class State:
    """The state that a net is built in; its phase is TEST.

    Attributes:
        level: compared with the rules' min_level and max_level.
        stages: names that rules may ask for or forbid.
    """

    level: int = 0
    stages: frozenset[str] = frozenset()


def net_state(net: Message, level: int | None, stages: Collection[str]) -> State:
    """The state that the net's file sets, changed by what the user gives."""
    state = net.message("state")
    return State(state.integer("level", 0) if level is None else level, frozenset([*state.strings("stage"), *stages]))


def runs(layer: Message, state: State) -> bool:
    """Whether the layer is part of the net in that state."""
    includes, excludes = layer.messages("include"), layer.messages("exclude")
    if includes:
        return any(_meets(state, rule) for rule in includes)
    return not any(_meets(state, rule) for rule in excludes)


def _meets(state: State, rule: Message) -> bool:
    if rule.has("phase") and rule.enum("phase", _PHASES, "TRAIN") != "TEST":
        return False
    if rule.has("min_level") and state.level < rule.integer("min_level"):
        return False
    if rule.has("max_level") and state.level > rule.integer("max_level"):
        return False
    return state.stages.issuperset(rule.strings("stage")) and state.stages.isdisjoint(rule.strings("not_stage"))
