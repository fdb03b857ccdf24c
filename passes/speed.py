"""`--speedup S`: S times faster when measured, not only when predicted.

What an option saves is predicted by the target. The network before is measured where the target is the onnxruntime at
hand, and so is the outcome, in the right shapes and before anything is fitted; the budget is corrected until the goal
is met. For other runtimes the prediction stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import onnx_graphsurgeon as gs

from ..errors import BudgetError
from ..files import ModelParts
from ..runtime_check.cost import infer_shapes
from .base import Result
from .budget import Allowance, Goal
from .exact import Exact
from .exact.exact import MEASURABLE
from .exact.trial import speedup
from .graph import to_graph, to_parts
from .targets import Target

_ROUNDS = 6
_SECONDS = 0.7
"""Each of these rounds measures so long: what a round gets wrong, the next corrects."""

_TOLERANCE = 1.02
"""A result this much faster than asked for is not relaxed again."""

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

    def measured(self, graph: gs.Graph) -> float:
        """How many times faster than the origin a network is, as the exact pass will leave it."""
        race = speedup(to_graph(self.origin), self.specialized(graph), self.input_shapes, seconds=_SECONDS)
        return race.median

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
    now = race.predicted(race.specialized(race.graph))
    fixed = now - layers_ms
    if race.target.name != MEASURABLE:
        return race.choose(Allowance(goal, race.predicted(to_graph(race.origin)), fixed))
    before = now * race.measured(race.graph)  # in the target's milliseconds: only their ratios meet the clock
    asked, best = goal.ratio, None
    for _ in range(_ROUNDS):
        try:
            chosen = race.choose(Allowance(replace(goal, ratio=max(asked, 1.0)), before, fixed))
        except BudgetError:
            if best is None:
                raise
            break
        reached = race.measured(race.shaped(chosen))
        if reached >= goal.ratio:
            best = chosen
            if reached <= goal.ratio * _TOLERANCE:
                break
        asked *= goal.ratio * (1 + _TOLERANCE) / 2 / reached
    return chosen if best is None else best
