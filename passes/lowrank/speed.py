"""`--speedup S`: S times faster when measured, not only when predicted.

What a chain saves is predicted by the target. The network before, and what low rank leaves alone, are measured where
the target is the onnxruntime at hand; so is the outcome, with factors of the right shapes and no values, and the budget
is corrected until it is met. For other runtimes the prediction stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from ...files import ModelParts
from ...runtime_check.cost import infer_shapes
from ..base import Result
from ..budget import Goal, Solver, choose_for_goal
from ..exact import Exact
from ..exact.exact import MEASURABLE
from ..exact.trial import speedup
from ..graph import to_graph, to_parts
from ..layers import Layer
from ..options import KEEP, Option
from ..targets import Target
from .chain import apply_chain
from .form import Chain
from .registry import forms

_ROUNDS = 6
_TOLERANCE = 1.02
"""A result this much faster than asked for is not relaxed again."""


@dataclass(frozen=True, slots=True)
class Race:
    """What a goal of latency is about.

    Attributes:
        graph: the network that low rank is to rewrite.
        origin: the network that the result is compared with.
        layers: that may be rewritten, by name.
        offers: their options; the first is to leave the layer alone.
        target: the runtime.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    graph: gs.Graph
    origin: ModelParts
    layers: Mapping[str, Layer]
    offers: Sequence[Sequence[Option]]
    target: Target
    input_shapes: Mapping[str, Sequence[int]]

    @property
    def measurable(self) -> bool:
        """Whether the target runs here."""
        return self.target.name == MEASURABLE

    def predicted(self, graph: gs.Graph) -> float:
        """Milliseconds of a whole network."""
        parts = to_parts(graph)
        return self.target.model_latency_ms(parts, infer_shapes(parts, input_shapes=self.input_shapes))

    def measured(self, graph: gs.Graph) -> float:
        """How many times faster than the origin a network is."""
        return speedup(to_graph(self.origin), graph, self.input_shapes).median


def choose_for_speed(race: Race, goal: Goal, solver: Solver | None = None) -> list[Option]:
    """The options that lose least and make the network as fast as the goal says.

    Raises:
        BudgetError: the goal is out of reach.
    """
    dense = _specialized(race, race.graph.copy())
    after = race.predicted(dense)
    kept = sum(offer[0].latency_ms for offer in race.offers)
    # The unit is the target's millisecond for this network: only ratios of it are compared with the clock.
    total = after * race.measured(dense) if race.measurable else race.predicted(to_graph(race.origin))
    asked = goal.ratio
    best: list[Option] | None = None
    for _ in range(_ROUNDS):
        chosen = choose_for_goal(race.offers, after - kept, replace(goal, ratio=max(asked, 1.0)), total, solver)
        if not race.measurable:
            return chosen
        reached = race.measured(_specialized(race, _shaped(race, chosen)))
        if reached >= goal.ratio:
            best = chosen
            if reached <= goal.ratio * _TOLERANCE:
                break
        asked *= goal.ratio * (1 + _TOLERANCE) / 2 / reached
    return best or chosen


def _specialized(race: Race, graph: gs.Graph) -> gs.Graph:
    """`graph` as the exact pass will leave it in the end."""
    Exact(target=race.target, input_shapes=race.input_shapes).specialize(graph, Result(), after_others=True)
    return graph


def _shaped(race: Race, chosen: Sequence[Option]) -> gs.Graph:
    """The network with chains of the chosen shapes, their weights constant: what it computes takes as long."""
    graph = race.graph.copy()
    nodes = {node.name: node for node in graph.nodes}
    for option in chosen:
        if option.form == KEEP:
            continue
        layer = race.layers[option.layer]
        stages = forms()[option.form].stages(layer, option.ranks)
        weights = [np.full(stage.shape, 1 / np.prod(stage.shape[1:]), np.float32) for stage in stages]
        apply_chain(graph, replace(layer, node=nodes[option.layer]), stages, Chain(weights, layer.bias))
    return graph
