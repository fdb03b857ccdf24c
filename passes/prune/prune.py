"""`--pass prune`: layers lose whole channels, and what reads them is fitted anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import onnx_graphsurgeon as gs

from ...errors import BudgetError, PlanError, PlanishError, nearest
from ...progress import track
from ...runtime_check.cost import count, infer_shapes
from ..base import Pass, Result, register
from ..budget import Goal
from ..graph import to_parts
from ..layers import Layer, LayerScope, in_layer_scope, list_layers
from ..lowrank.sensitivity import first_images
from ..plan import LayerPlan, Plan
from ..statistics import Batches, Sampling, Statistics, gather
from ..targets import Target, find_target
from .channels import Coupling
from .coupling import couple
from .criterion import Candidates, Criterion, find_criterion
from .cutting import cut_channels
from .groups import Group, find_groups
from .offers import Measured, Selections, forms_of, make_offer, useful_widths
from .price import price_list
from .refit import Remaining, refit, what_remains
from .sensitivity import layer_sensitivities
from .widths import FORM, Offer, choose_widths

_PROBED_IMAGES = 64
"""On this many images sensitivities are measured."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """The network before anything is taken out.

    Attributes:
        coupling: of its channels.
        groups: that channels may go from.
        layers: that can be fitted, by name.
    """

    coupling: Coupling
    groups: Sequence[Group]
    layers: Mapping[str, Layer]


@register
@dataclass(slots=True)
class Prune(Pass):
    """Channel pruning with reconstruction.

    *Given* a graph with layers of constant weights; *result*: its layers make and read fewer channels, coupled ones
    alike. With calibration data every layer behind a change is fitted anew. Declines channels that reach an output of
    the graph or an operator that mixes them or is not followed, and says why.

    Attributes:
        goal: cost before over cost after, of the nodes in `scope`.
        criterion: name of the rule that chooses channels; by default 'lasso' with data and 'magnitude' without.
        fitted: whether layers are fitted anew, where there is data.
        scope: the nodes that the goal counts.
        plan: widths by group, instead of choosing them.
        protected: names of layers that keep their channels.
        batches: calibration data, inputs by name.
        sampling: how the data is sampled.
        target: the runtime that shall become faster.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "prune"
    exact: ClassVar[bool] = False

    goal: Goal = field(default_factory=lambda: Goal("MACs", 2.0))
    criterion: str | None = None
    fitted: bool = True
    scope: LayerScope = "all"
    plan: Plan | None = None
    protected: Sequence[str] = ()
    batches: Batches | None = None
    sampling: Sampling = field(default_factory=Sampling)
    target: Target = field(default_factory=find_target)
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def run(self, graph: gs.Graph) -> Result:
        """Choose the channels, take them out and fit what is left.

        Raises:
            BudgetError: the goal is out of reach.
            PlanError: the plan names groups or widths that the graph does not have.
            PlanishError: the criterion or a layer to protect is not known, or the criterion needs data.
            DataError: the calibration data does not fit the graph.
        """
        criterion = self._criterion()
        result = Result()
        graph.toposort()
        scene = self._look(graph, result)
        measured = self._measure(graph, scene)
        offers = self._offers(scene, criterion, measured)
        widths = self._choose(graph, scene, offers)
        removed: set[int] = set()
        planned = {}
        for group, (offer, selections), width in zip(scene.groups, offers, widths, strict=True):
            kept = selections[width]
            if not kept.all():
                removed.update(group.classes[~kept].tolist())
                facts = {"of": group.size, "loss": offer.losses[width]}
                planned[group.name] = LayerPlan(FORM, (int(kept.sum()),), facts)
                result.changed(group.name, f"{kept.sum()} of {group.size} channels stay ({criterion.name})")
        result.plan = Plan(planned, self._settings(criterion))
        self._remove(graph, scene, removed, None if measured is None else measured.statistics)
        return result

    def _criterion(self) -> Criterion:
        criterion = find_criterion(self.criterion or ("magnitude" if self.batches is None else "lasso"))
        if criterion.needs_data and self.batches is None:
            raise PlanishError(
                f"--criterion {criterion.name} looks at calibration data; give --data, or --criterion magnitude"
            )
        return criterion

    def _settings(self, criterion: Criterion) -> dict[str, object]:
        goal = f"{self.goal.ratio:g} of {self.goal.unit}"
        return {"goal": goal, "criterion": criterion.name, "fitted": self.fitted and self.batches is not None}

    def _look(self, graph: gs.Graph, result: Result) -> _Scene:
        """Find the groups; why the others are protected goes into `result`."""
        shapes = infer_shapes(to_parts(graph), input_shapes=self.input_shapes)
        layers = {layer.name: layer for layer in list_layers(graph, shapes, "all")[0]}
        coupling = couple(graph, shapes)
        self._protect(coupling)
        groups = []
        for group in find_groups(coupling):
            reason = group.protected or (None if self.batches is None else _unmeasurable(group, layers))
            if reason is None:
                groups.append(group)
            else:
                result.skipped(group.name, reason)
        if not groups:
            why = (
                "; ".join(f"{skip.where}: {skip.why}" for skip in result.skips) or "it has no layer of constant weights"
            )
            raise BudgetError(f"model '{graph.name}': nothing can be pruned ({why})", 1.0)
        self._check_plan(groups, result)
        return _Scene(coupling, groups, layers)

    def _protect(self, coupling: Coupling) -> None:
        ports = [*coupling.producers, *coupling.consumers]
        names = {port.node.name for port in ports}
        for name in self.protected:
            if name not in names:
                raise PlanishError(f"--keep: the model has no layer '{name}'{nearest(name, names)}")
        for port in ports:
            if port.node.name in self.protected:
                coupling.pin(port.atoms, f"'{port.node.name}' is to be kept")

    def _check_plan(self, groups: Sequence[Group], result: Result) -> None:
        """Refuse plans that do not fit, saying of each layer why."""
        sizes = {group.name: group.size for group in groups}
        reasons = {skip.where: skip.why for skip in result.skips}
        faults = []
        for name, planned in ({} if self.plan is None else self.plan.layers).items():
            if name not in sizes:
                why = reasons.get(name, f"no channels begin there{nearest(name, sizes)}")
                faults.append(f"layer '{name}' cannot be pruned: {why}")
            elif planned.form != FORM:
                faults.append(f"layer '{name}': form '{planned.form}' is none of this pass; it is called '{FORM}'")
            elif planned.rank > sizes[name]:
                faults.append(f"layer '{name}': {planned.rank} channels are to stay, and it has {sizes[name]}")
        if faults:
            raise PlanError("the plan does not fit the model:\n  " + "\n  ".join(faults))

    def _measure(self, graph: gs.Graph, scene: _Scene) -> Measured | None:
        if self.batches is None:
            return None
        fittable = [layer for layer in scene.layers.values() if not _is_channelwise(layer)]
        statistics = gather(graph, fittable, self.batches, self.sampling)
        readers = dict.fromkeys(port.node.name for group in scene.groups for port in group.consumers)
        probed = [scene.layers[name] for name in readers]
        if self.plan is not None:
            return Measured(statistics, dict.fromkeys(readers, 1.0))
        return Measured(
            statistics, layer_sensitivities(graph, probed, statistics, first_images(self.batches, _PROBED_IMAGES))
        )

    def _offers(self, scene: _Scene, criterion: Criterion, measured: Measured | None) -> list[tuple[Offer, Selections]]:
        offers = []
        for group in track(scene.groups, "Choosing channels"):
            forms = [] if measured is None else forms_of(group, scene.coupling, scene.layers, measured)
            widths = useful_widths(group, scene.coupling, self.target, self.plan)
            offers.append(make_offer(Candidates(group, scene.coupling, forms), widths, criterion, fitted=self.fitted))
        return offers

    def _choose(self, graph: gs.Graph, scene: _Scene, offers: Sequence[tuple[Offer, Selections]]) -> list[int]:
        """For each group the index of its width."""
        if self.plan is not None:
            return [0] * len(offers)
        counted = {node.name for node in graph.nodes if in_layer_scope(node, self.scope)}
        parts = to_parts(graph)
        nodes = count(parts, infer_shapes(parts, input_shapes=self.input_shapes)).nodes
        costs = [node for node in nodes if node.name in counted]
        choices = [(group, selections) for group, (_, selections) in zip(scene.groups, offers, strict=True)]
        prices = price_list(scene.coupling, choices, costs, scene.layers, goal=self.goal, target=self.target)
        return choose_widths([offer for offer, _ in offers], prices, self.goal)

    def _remove(self, graph: gs.Graph, scene: _Scene, removed: set[int], statistics: Statistics | None) -> None:
        """Take the channels out and fit what is left."""
        if not removed:
            return
        remaining = what_remains(scene.coupling, scene.layers, removed)
        original = graph.copy()
        cut_channels(scene.coupling, removed)
        if statistics is None or self.batches is None or not self.fitted:
            return
        shapes = infer_shapes(to_parts(graph), input_shapes=self.input_shapes)
        changed = _changed(graph, remaining)
        layers = [
            layer
            for layer in list_layers(graph, shapes, "all")[0]
            if layer.name in changed and layer.name in statistics
        ]
        refit((graph, original), layers, remaining, statistics, batches=self.batches, sampling=self.sampling)


def _is_channelwise(layer: Layer) -> bool:
    """Whether it has more groups than channels in a group, so that channels go through it (see `operators.layers`)."""
    return layer.group > int(layer.weight.shape[1])


def _unmeasurable(group: Group, layers: Mapping[str, Layer]) -> str | None:
    """Why the error of what reads a group cannot be told from data."""
    for port in group.consumers:
        if port.node.name not in layers:
            return f"'{port.node.name}' ({port.node.op}) reads it, which cannot be fitted anew"
    return None


def _changed(graph: gs.Graph, remaining: Mapping[str, Remaining]) -> set[str]:
    """Names of the layers that read what has changed."""
    changed: set[int] = set()
    names = set()
    for node in graph.nodes:
        left = remaining.get(node.name)
        behind = any(id(tensor) in changed for tensor in node.inputs)
        if behind or (left is not None and not left.read.all()):
            names.add(node.name)
            changed.update(id(tensor) for tensor in node.outputs)
    return names
