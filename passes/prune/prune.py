"""`--pass prune`: layers lose whole channels, and what reads them is fitted anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import BudgetError, PlanError, PlanishError, nearest
from ...files import ModelParts
from ...progress import track
from ...runtime_check.cost import count, infer_shapes
from ..base import Change, Pass, Result, register
from ..budget import Allowance, Goal
from ..graph import to_parts
from ..layers import LayerScope, in_layer_scope
from ..plan import LayerPlan, Plan
from ..speed import Race, choose_for_speed
from ..statistics import Batches, Sampling
from ..surplus import exact_surplus
from ..targets import Target, find_target
from .criterion import Candidates, Criterion, find_criterion
from .decided import Decided, Offers, removed_by
from .decision import FORM
from .descent import Descent
from .ends import sensitive_ends
from .formed import Formed, form_offer, shape_layers
from .groups import Group
from .measuring import Measured, measure
from .network import Network, look
from .offers import Selections, make_offer, readers_of, useful_widths, weighed
from .policy import he2017
from .price import PriceList, Widths, price_list
from .removal import remove, remove_and_fit
from .samplers import SUFFIX, Sampler, insert, worthwhile
from .shared import SharedReaders, shared_names
from .widths import widest

Policy = Literal["solver", "he2017"]

Samplers = Mapping[str, Sampler]
"""By name of the group that each makes."""

KEPT = "kept"
"""Which channels stay, in plans."""


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
        policy: 'solver' chooses widths by measured sensitivity, 'he2017' as the paper did for VGG-16.
        plan: widths by group, instead of choosing them.
        protected: names of layers that keep their channels.
        ends: whether the first and the last layer may be pruned even where they lose most.
        batches: calibration data, inputs by name.
        sampling: how the data is sampled.
        target: the runtime that shall become faster.
        origin: the model before any pass, which a goal of latency compares with; by default the graph as it is.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "prune"
    exact: ClassVar[bool] = False

    goal: Goal = field(default_factory=lambda: Goal("MACs", 2.0))
    criterion: str | None = None
    fitted: bool = True
    scope: LayerScope = "all"
    policy: Policy = "solver"
    plan: Plan | None = None
    protected: Sequence[str] = ()
    ends: bool = False
    batches: Batches | None = None
    sampling: Sampling = field(default_factory=Sampling)
    target: Target = field(default_factory=find_target)
    origin: ModelParts | None = None
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def run(self, graph: gs.Graph) -> Result:
        """Choose the channels, take them out and fit what is left.

        Raises:
            BudgetError: the goal is out of reach, or there is nothing to prune.
            PlanError: the plan names groups or widths that the graph does not have.
            PlanishError: the criterion or a layer to protect is not known, or the criterion needs data.
            DataError: the calibration data does not fit the graph.
        """
        criterion = self.found_criterion()
        result = Result()
        network = self.look(graph, result)
        self._check_plan(network, result)
        measured = self.measure(network)
        decided = self._decide(network, criterion, measured, result)
        sampled = self._decide_with_samplers(network, criterion, measured)
        if sampled is not None and sampled.loss() < decided.loss():
            decided = sampled
            network = self._sample(graph, decided)
        result.plan = self.planned(decided.network, decided.offers, decided.chosen)
        result.changes.extend(self.changes(result.plan))
        self.carry_out(network, decided.removed_from(network), measured)
        return result

    def changes(self, plan: Plan) -> Iterator[Change]:
        """What a plan did to each layer."""
        criterion = self.found_criterion().name
        for name, planned in plan.layers.items():
            yield Change(name, f"{planned.rank} of {planned.facts['of']} channels stay ({criterion})")

    def carry_out(self, network: Network, removed: Collection[int], measured: Measured | None) -> None:
        """Take channels out and fit what is left, where there is data."""
        if measured is None or self.batches is None or not self.fitted:
            remove(network, removed)
        elif removed:
            remove_and_fit(network, removed, measured.statistics, self.batches, self.sampling)

    def with_goal(self, goal: Goal) -> Prune:
        """The same with another goal."""
        return replace(self, goal=goal)

    def look(self, graph: gs.Graph, result: Result, samplers: Collection[str] = ()) -> Network:
        """Find what may be pruned; why the rest may not goes into `result`. Samplers that a plan names are put in."""
        if self.plan is not None:
            samplers = [name for name in self.plan.layers if name.endswith(SUFFIX)]
            insert(graph, [name.removesuffix(SUFFIX) for name in samplers])
        return look(
            graph,
            result,
            protected=self.protected,
            fitted=self.batches is not None,
            input_shapes=self.input_shapes,
            samplers=samplers,
            origin=self.origin,
        )

    def measure(self, network: Network) -> Measured | None:
        """What the calibration data says, if there is any."""
        if self.batches is None:
            return None
        return measure(network, self.batches, self.sampling, probed=self.plan is None)

    def offers(
        self,
        network: Network,
        criterion: Criterion,
        measured: Measured | None,
        result: Result,
        samplers: Samplers | None = None,
    ) -> tuple[Network, Offers]:
        """What each group can become; sensitive ends are no group any more, which goes into `result`."""
        offers = []
        shared = shared_names(network.groups) if self.fitted else ()
        if measured is not None:
            measured = weighed(measured, network)
        for group in track(network.groups, "Choosing channels"):
            readers = [] if measured is None else readers_of(group, network.coupling, network.layers, measured)
            widths = self._widths(network, group, samplers or {})
            candidates = Candidates(group, network.coupling, readers)
            offer, selections = make_offer(candidates, widths, criterion, fitted=self.fitted, shared=shared)
            offers.append((offer, self._as_planned(group, selections)))
        if self.ends or self.plan is not None:
            return network, offers
        prices = self._prices(network, offers)
        spared = sensitive_ends(network.groups, [offer for offer, _ in offers], prices, network.coupling)
        for index, reason in spared.items():
            result.skipped(network.groups[index].name, reason)
        left = [index for index in range(len(offers)) if index not in spared]
        groups = [network.groups[index] for index in left]
        return replace(network, groups=groups), [offers[index] for index in left]

    def _as_planned(self, group: Group, selections: Selections) -> Selections:
        """The selections, of which a plan may name the first: what data chose once is not chosen anew."""
        planned = None if self.plan is None else self.plan.layers.get(group.name)
        kept = [] if planned is None else planned.facts.get(KEPT, [])
        if planned is None or len(kept) != planned.rank:  # without, or with another width than it was written for
            return selections
        return [np.isin(np.arange(group.size), kept), *selections[1:]]

    def _widths(self, network: Network, group: Group, samplers: Samplers) -> list[int]:
        """The widths that a group is offered."""
        if self.plan is not None:
            planned = self.plan.layers.get(group.name)
            return [group.size] if planned is None else sorted({planned.rank, group.size})
        if group.name in samplers:
            return [*samplers[group.name].widths, group.size]
        return useful_widths(group, network.coupling, self.target, self.goal.unit)

    def _decide(
        self,
        network: Network,
        criterion: Criterion,
        measured: Measured | None,
        result: Result,
        samplers: Samplers | None = None,
    ) -> Decided:
        network, offers = self.offers(network, criterion, measured, result, samplers)
        return Decided(network, offers, self.choose(network, offers, measured, samplers=samplers))

    def _decide_with_samplers(
        self, network: Network, criterion: Criterion, measured: Measured | None
    ) -> Decided | None:
        """What becomes of each group if branches read through samplers and what they read stays; None without any."""
        samplers = worthwhile(network, self.target) if self.plan is None and self.policy == "solver" else {}
        if not samplers:
            return None
        graph = network.graph.copy()
        insert(graph, [sampler.layer for sampler in samplers.values()])
        try:
            return self._decide(self.look(graph, Result(), samplers), criterion, measured, Result(), samplers)
        except BudgetError:
            return None

    def _sample(self, graph: gs.Graph, decided: Decided) -> Network:
        """Put those samplers into `graph` that leave channels out."""
        names = [name for name in decided.narrowed() if name.endswith(SUFFIX)]
        insert(graph, [name.removesuffix(SUFFIX) for name in names])
        return self.look(graph, Result(), names)

    def choose(
        self,
        network: Network,
        offers: Offers,
        measured: Measured | None,
        formed: Sequence[Formed] = (),
        samplers: Samplers | None = None,
    ) -> Widths:
        """For each group the index of its width, and for each layer of `formed` that of its form."""
        if self.plan is not None:
            return [0] * len(offers)
        prices = self._prices(network, offers, formed, samplers)
        decisions = [*(offer for offer, _ in offers), *(form_offer(it, self.goal) for it in formed)]
        before = prices.total(widest(decisions))
        descent = Descent(decisions, offers, prices, self._shared(network, offers, measured))

        def choose(allowance: Allowance) -> Widths:
            if self.policy == "he2017":
                return he2017(network.groups, decisions, network.layers, prices, allowance)
            return descent.choose(allowance)

        if self.goal.unit != "ms":
            added = exact_surplus(network.graph, self.goal.unit, self.scope, self.target, self.input_shapes)
            return choose(Allowance(self.goal, before, added))

        def shaped(chosen: Widths) -> gs.Graph:
            copy = network.copy()
            remove(copy, removed_by(network, offers, chosen))
            shape_layers(copy.graph, formed, chosen, self.input_shapes)
            return copy.graph

        origin = self.origin or to_parts(network.graph)
        race = Race(network.graph, origin, self.target, self.input_shapes, choose, shaped)
        return choose_for_speed(race, before, self.goal)

    def _shared(self, network: Network, offers: Offers, measured: Measured | None) -> SharedReaders | None:
        """The layers that read several groups; None where none does, or their errors are not known."""
        names = {name for offer, _ in offers for name in offer.shared}
        if measured is None or not names or self.policy != "solver":
            return None
        measured = weighed(measured, network)
        return SharedReaders(names, network.groups, network.coupling, layers=network.layers, measured=measured)

    def _prices(
        self, network: Network, offers: Offers, formed: Sequence[Formed] = (), samplers: Samplers | None = None
    ) -> PriceList:
        counted = {node.name for node in network.graph.nodes if in_layer_scope(node, self.scope)}
        parts = to_parts(network.graph)
        nodes = count(parts, infer_shapes(parts, input_shapes=self.input_shapes)).nodes
        costs = [node for node in nodes if node.name in counted]
        choices = [(group, selections) for group, (_, selections) in zip(network.groups, offers, strict=True)]
        return price_list(
            network.coupling,
            choices,
            costs,
            network.layers,
            goal=self.goal,
            target=self.target,
            formed={it.layer.name: it for it in formed},
            sampler_ms={name: it.cost_ms for name, it in (samplers or {}).items()},
        )

    def found_criterion(self) -> Criterion:
        """The rule that chooses channels.

        Raises:
            PlanishError: there is none of that name, or it needs data and there is none.
        """
        criterion = find_criterion(self.criterion or ("magnitude" if self.batches is None else "lasso"))
        if criterion.needs_data and self.batches is None:
            raise PlanishError(
                f"--criterion {criterion.name} looks at calibration data; give --data, or --criterion magnitude"
            )
        return criterion

    def planned(self, network: Network, offers: Offers, chosen: Widths) -> Plan:
        """The widths that were chosen."""
        layers = {}
        for group, (offer, selections), width in zip(network.groups, offers, chosen, strict=False):
            kept = selections[width]
            if not kept.all():
                facts = {"of": group.size, "loss": offer.losses[width], KEPT: np.flatnonzero(kept).tolist()}
                layers[group.name] = LayerPlan(FORM, (int(kept.sum()),), facts)
        goal = f"{self.goal.ratio:g} of {self.goal.unit}"
        fitted = self.fitted and self.batches is not None
        settings = {"goal": goal, "criterion": self.found_criterion().name, "policy": self.policy, "fitted": fitted}
        return Plan(layers, settings)

    def _check_plan(self, network: Network, result: Result) -> None:
        """Refuse plans that do not fit, saying of each layer why."""
        sizes = {group.name: group.size for group in network.groups}
        reasons = {skip.where: skip.why for skip in result.skips}
        faults = []
        for name, planned in ({} if self.plan is None else self.plan.layers).items():
            if name not in sizes:
                why = reasons.get(name, f"no channels begin there{nearest(name, sizes)}")
                faults.append(f"layer '{name}' cannot be pruned: {why}")
            elif planned.form != FORM:
                faults.append(f"layer '{name}': form '{planned.form}' is none of this pass; it is called '{FORM}'")
            elif len(planned.ranks) != 1:
                faults.append(f"layer '{name}': a group has one width, not {len(planned.ranks)}")
            elif planned.rank > sizes[name]:
                faults.append(f"layer '{name}': {planned.rank} channels are to stay, and it has {sizes[name]}")
            elif not _are_channels(planned.facts.get(KEPT, []), sizes[name]):
                faults.append(f"layer '{name}': '{KEPT}' is a list of different channels from 0 to {sizes[name] - 1}")
        if faults:
            raise PlanError("the plan does not fit the model:\n  " + "\n  ".join(faults))


def _are_channels(kept: object, size: int) -> bool:
    """Whether a plan's entry lists some of so many channels, each once."""
    if not isinstance(kept, list) or not all(type(channel) is int and 0 <= channel < size for channel in kept):
        return False
    return len(set(kept)) == len(kept)
