"""`--pass lowrank,prune`: one goal for low rank and pruning together, each layer and group as the solver likes.

What a layer costs depends on its form and on the channels that it reads and makes, so all are decided by one solver,
from losses in one currency: the error of a layer times how much the network's output suffers from it. Channels are
taken out first; then layers take their forms, fitted to what the pruned network feeds them. (He et al.,
*Channel pruning for accelerating very deep neural networks*, 2017, section 4.1.3, do so by hand and call it 3C.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import onnx_graphsurgeon as gs

from ...errors import BudgetError, PlanishError
from ...runtime_check.cost import infer_shapes
from ..base import Pass, Result
from ..budget import Goal
from ..graph import to_parts
from ..layers import in_layer_scope, list_layers
from ..lowrank import Lowrank
from ..lowrank.registry import forms
from ..lowrank.sensitivity import fit_power, measure_affordably, regress, with_losses
from ..options import Option
from ..plan import LayerPlan, Plan
from .decided import removed_by
from .formed import Formed, possible
from .measuring import Measured
from .network import Network
from .prune import Prune

CHANNELS = ":channels"
"""Ends the names of groups in plans of both passes, where a layer of the same name may take a form."""


@dataclass(slots=True)
class Joint(Pass):
    """Low rank and channel pruning under one goal.

    *Given* a graph with layers of constant weights; *result*: fewer channels and chains of cheaper layers, what each
    layer and group loses least by. Declines what either pass declines.

    Attributes:
        lowrank: its forms and scope; its goal counts where nothing can be pruned.
        prune: all the rest.
    """

    name: ClassVar[str] = "lowrank,prune"
    exact: ClassVar[bool] = False

    lowrank: Lowrank
    prune: Prune

    def run(self, graph: gs.Graph) -> Result:
        """Choose widths and forms at once, prune, then factorize.

        Raises:
            PlanishError: as either pass, or there is no data.
        """
        if self.prune.batches is None:
            raise PlanishError(
                "--pass lowrank,prune shares one goal between both by what calibration data says; give --data"
            )
        if self.prune.policy != "solver":
            raise PlanishError(f"--policy {self.prune.policy} is about pruning alone; leave it out, or lowrank")
        result = Result()
        if self.prune.plan is not None:
            widths, ranks = self._given()
            if widths.layers:
                result.changes.extend(replace(self.prune, plan=widths).run(graph).changes)
        else:
            try:
                network = self.prune.look(graph, result)
            except BudgetError as error:
                result = self.lowrank.run(graph)
                result.notes.append(f"low rank alone: {error}")
                return result
            widths, ranks = self._prune(network, result)
        ranks = self._possible(graph, ranks)
        if ranks.layers:
            result.changes.extend(replace(self.lowrank, plan=ranks).run(graph).changes)
        named = {f"{name}{CHANNELS}": planned for name, planned in widths.layers.items()}
        result.plan = Plan({**named, **ranks.layers}, widths.settings)
        return result

    def with_goal(self, goal: Goal) -> Joint:
        """The same with another goal for both."""
        return replace(self, lowrank=replace(self.lowrank, goal=goal), prune=replace(self.prune, goal=goal))

    def _possible(self, graph: gs.Graph, plan: Plan) -> Plan:
        """The forms of layers that are still there, at ranks that they still have."""
        shapes = infer_shapes(to_parts(graph), input_shapes=self.prune.input_shapes)
        layers = {layer.name: layer for layer in list_layers(graph, shapes, "all")[0]}
        planned = {
            name: replace(it, ranks=possible(layers[name], it)) if name in layers and it.form in forms() else it
            for name, it in plan.layers.items()
        }
        return Plan(planned, plan.settings)

    def _given(self) -> tuple[Plan, Plan]:
        """The parts of a plan for each pass."""
        plan = self.prune.plan or Plan({})
        widths = {n.removesuffix(CHANNELS): p for n, p in plan.layers.items() if n.endswith(CHANNELS)}
        ranks = {name: p for name, p in plan.layers.items() if not name.endswith(CHANNELS)}
        return Plan(widths, plan.settings), Plan(ranks, plan.settings)

    def _prune(self, network: Network, result: Result) -> tuple[Plan, Plan]:
        """Choose what loses least at the goal, and take the channels out."""
        measured = self.prune.measure(network)
        if measured is None:
            raise RuntimeError("there is data, and nothing was measured")
        network, offers = self.prune.offers(network, self.prune.found_criterion(), measured, result)
        formed = [
            Formed(network.layers[name], len(offers) + place, options)
            for place, (name, options) in enumerate(self._options(network, measured, result).items())
        ]
        chosen = self.prune.choose(network, offers, measured, formed)
        widths = self.prune.planned(network, offers, chosen)
        ranks = {it.layer.name: _planned(option) for it in formed if (option := it.chosen(chosen)) is not None}
        self.prune.carry_out(network, removed_by(network, offers, chosen), measured)
        result.changes.extend(self.prune.changes(widths))
        return widths, Plan(ranks, widths.settings)

    def _options(self, network: Network, measured: Measured, result: Result) -> dict[str, list[Option]]:
        """The forms that layers can take, by name: the cheapest first, each better than all before it, at last none."""
        nodes = {node.name: node for node in network.graph.nodes}
        layers = [
            layer
            for name, layer in network.layers.items()
            if name in measured.laws and in_layer_scope(nodes[name], self.lowrank.scope)
        ]
        choices = self.lowrank.choices(layers, Result() if self.lowrank.forms else result)
        offers, probes = regress(choices, measured.statistics, self.prune.target, ())
        points = measure_affordably(network.graph, probes, self.prune.batches or ()) if probes else {}
        laws = {**measured.laws, **{curve: fit_power(of_curve) for curve, of_curve in points.items()}}
        lossy = with_losses(network.graph, offers, laws)
        return {options[0].layer: self._undominated(options) for options in lossy}

    def _undominated(self, options: Sequence[Option]) -> list[Option]:
        cost = self.prune.goal.cost
        best: list[Option] = []
        for offered in sorted(options, key=lambda offered: (cost(offered), offered.loss)):
            if not best or offered.loss < best[-1].loss:
                best.append(offered)
        return best


def _planned(option: Option) -> LayerPlan:
    return LayerPlan(option.form, option.ranks, {"loss": option.loss})
