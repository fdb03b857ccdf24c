"""`--speedup S`: S times faster when measured, not only when predicted.

What an option saves is predicted by the target. Where the target is the onnxruntime at hand, or another runtime that is
installed, the network before is measured and so is the outcome, in the right shapes and before anything is fitted; the
budget is corrected until the goal is met. Where it is not, or does not take the network, the prediction stands.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import onnx_graphsurgeon as gs

from ..errors import BudgetError, PlanishError
from ..files import ModelParts, write_model
from ..runtime_check.cost import infer_shapes
from ..runtime_check.runtimes import try_runtimes
from ..runtime_check.session import Session
from .base import Result
from .budget import Allowance, Goal
from .exact import Exact
from .exact.exact import MEASURABLE
from .exact.trial import noise, speedup
from .graph import to_graph, to_parts
from .targets import Target

_SECONDS = 0.7
"""Each round measures so long: what it gets wrong, the next corrects."""

_ROUNDS, _TOLERANCE = 6, 1.01
"""A result this much faster than asked for is not relaxed again: on GoogLeNet a percent of time is six of the loss."""

_ROUNDS_ELSEWHERE, _TOLERANCE_ELSEWHERE = 3, 1.02
"""Other runtimes have to read the network each time, in a process of its own, and two readings differ by more."""

Chosen = TypeVar("Chosen")


@dataclass(frozen=True, slots=True)
class Race(Generic[Chosen]):
    """What a goal of latency is about.

    Attributes:
        graph: the network that is to be rewritten.
        origin: the network that the result is compared with.
        target: the runtime.
        input_shapes: of inputs whose sizes the model leaves open.
        choose: what loses least within an allowance of milliseconds.
        shaped: the network as that choice leaves it; the values of its weights do not matter.
    """

    graph: gs.Graph
    origin: ModelParts
    target: Target
    input_shapes: Mapping[str, Sequence[int]]
    choose: Callable[[Allowance], Chosen]
    shaped: Callable[[Chosen], gs.Graph]

    def predicted(self, graph: gs.Graph) -> float:
        """Milliseconds of a whole network."""
        parts = to_parts(graph)
        return self.target.model_latency_ms(parts, infer_shapes(parts, input_shapes=self.input_shapes))

    def specialized(self, graph: gs.Graph) -> gs.Graph:
        """A copy as the exact pass will leave it in the end."""
        copy = graph.copy()
        Exact(target=self.target, input_shapes=self.input_shapes).specialize(copy, Result(), after_others=True)
        return copy


def choose_for_speed(race: Race[Chosen], layers_ms: float, goal: Goal) -> Chosen:
    """The choice that loses least and makes the network as fast as the goal says.

    Args:
        race: what it is about.
        layers_ms: predicted for the layers that the choice is about, left alone.
        goal: in milliseconds.

    Raises:
        BudgetError: the goal is out of reach.
    """
    dense = race.specialized(race.graph)
    now = race.predicted(dense)
    fixed = now - layers_ms
    clock = _here if race.target.name == MEASURABLE else _Elsewhere()
    faster = clock(race, dense)
    if faster is None:
        return race.choose(Allowance(goal, race.predicted(to_graph(race.origin)), fixed))
    before = now * faster  # in the target's milliseconds: only their ratios meet the clock
    rounds, tolerance = (_ROUNDS, _TOLERANCE) if clock is _here else (_ROUNDS_ELSEWHERE, _TOLERANCE_ELSEWHERE)
    asked, best, least = goal.ratio, None, math.inf
    for _ in range(rounds):
        try:
            chosen = race.choose(Allowance(replace(goal, ratio=max(asked, 1.0)), before, fixed))
        except BudgetError:
            if best is None:
                raise
            break
        reached = clock(race, race.specialized(race.shaped(chosen)))
        if reached is None:
            break
        if goal.ratio <= reached < least:
            best, least = chosen, reached
            if reached <= goal.ratio * tolerance:
                break
        asked *= goal.ratio * (1 + tolerance) / 2 / reached
    return chosen if best is None else best


def _here(race: Race[Chosen], graph: gs.Graph) -> float | None:
    """How many times faster than the origin a network is in onnxruntime."""
    return speedup(to_graph(race.origin), graph, race.input_shapes, seconds=_SECONDS).median


class _Elsewhere:
    """The same in another runtime: CPU time, each network in a process of its own; None where that does not work."""

    def __init__(self) -> None:
        self._origin_ms: float | None = None

    def __call__(self, race: Race[Chosen], graph: gs.Graph) -> float | None:
        if self._origin_ms is None:
            self._origin_ms = _cpu_ms(race, race.origin)
        now_ms = None if self._origin_ms is None else _cpu_ms(race, to_parts(graph))
        return None if self._origin_ms is None or now_ms is None else self._origin_ms / now_ms


def _cpu_ms(race: Race[Chosen], parts: ModelParts) -> float | None:
    with tempfile.TemporaryDirectory(prefix="planish-") as folder:
        path = str(Path(folder) / "model.onnx")
        write_model(parts, path)
        try:
            feeds = noise(Session(path), race.input_shapes)
            (row,) = try_runtimes([race.target.name], [path], [feeds])
        except PlanishError:  # there is no such runtime here, or no input can be made up for the network
            return None
    return row.cpu_ms
