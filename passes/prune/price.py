"""What a network costs at any choice of widths: a layer's cost depends on the group it reads and the one it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...runtime_check.cost import NodeCost
from ..budget import Goal
from ..layers import Layer
from ..targets import Target
from ..targets.layout import is_summed
from ..targets.work import Work, layer_work
from .channels import Atoms, Coupling
from .formed import Formed
from .groups import Group

Widths = Sequence[int]
"""For each decision the index of what is chosen: a selection of every group, then a form of every layer."""


@dataclass(frozen=True, slots=True)
class Side:
    """The channels that a layer reads, or makes.

    Attributes:
        size: how many there are today.
        fixed: how many stay whatever is chosen.
        counts: how many stay of each group, by its index, at each of its selections.
    """

    size: int
    fixed: int
    counts: Mapping[int, NDArray[np.intp]]

    def kept(self, widths: Widths) -> int:
        """How many channels are left."""
        return self.fixed + sum(int(counts[widths[group]]) for group, counts in self.counts.items())


@dataclass(frozen=True, slots=True)
class PricedNode:
    """One layer and what it costs.

    Attributes:
        amount: its cost today.
        read: the channels that it reads; None where they are not followed.
        made: those that it makes.
        work: for prices in milliseconds; None where the cost is in proportion to both numbers of channels.
        formed: what low rank may make of it.
        summed: whether a residual sum reads its result.
    """

    amount: float
    read: Side | None
    made: Side | None
    work: Work | None
    formed: Formed | None = None
    summed: bool = False

    def decisions(self) -> set[int]:
        """Indices of the decisions that it depends on."""
        found = {index for side in (self.read, self.made) if side is not None for index in side.counts}
        return found if self.formed is None else found | {self.formed.index}

    def price(self, widths: Widths, goal: Goal, target: Target) -> float:
        """Its cost."""
        made = (self.made.kept(widths), self.made.size) if self.made else (1, 1)
        read = (self.read.kept(widths), self.read.size) if self.read else (1, 1)
        option = None if self.formed is None else self.formed.chosen(widths)
        if option is not None and self.formed is not None:
            filters, channels = self.formed.layer.weight.shape[:2]
            return self.formed.price(option, filters * made[0] // made[1], channels * read[0] // read[1], goal, target)
        if self.work is None:
            return self.amount * made[0] * read[0] / (made[1] * read[1])
        shape = (self.work.shape[0] * made[0] // made[1], self.work.shape[1] * read[0] // read[1], *self.work.shape[2:])
        geometry = self.work.geometry
        if geometry is not None and self.read is None:
            geometry = replace(geometry, group=max(1, geometry.group * made[0] // made[1]))
        return target.final_ms(replace(self.work, shape=shape, geometry=geometry), summed=self.summed)


@dataclass(frozen=True, slots=True)
class PricedSampler:
    """A Gather that is there only if it leaves channels out.

    Attributes:
        amount: its cost.
        index: of the group that it makes.
        full: index of the choice to keep all of that.
    """

    amount: float
    index: int
    full: int

    def decisions(self) -> set[int]:
        """Indices of the decisions that it depends on."""
        return {self.index}

    def price(self, widths: Widths, goal: Goal, target: Target) -> float:  # noqa: ARG002 - as a layer's
        """Its cost."""
        return 0.0 if widths[self.index] == self.full else self.amount


@dataclass(slots=True)
class PriceList:
    """The layers of a network.

    Attributes:
        nodes: the layers that count.
        goal: says in which unit.
        target: for prices in milliseconds.
    """

    nodes: Sequence[PricedNode | PricedSampler]
    goal: Goal
    target: Target
    _decisions: list[list[int]] = field(init=False)
    _concerned: dict[int, list[int]] = field(init=False)
    _known: dict[tuple[int, ...], float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Note what each layer depends on."""
        self._decisions = [sorted(node.decisions()) for node in self.nodes]
        self._concerned = {}
        for place, decisions in enumerate(self._decisions):
            for decision in decisions:
                self._concerned.setdefault(decision, []).append(place)

    def total(self, widths: Widths) -> float:
        """Cost of the network."""
        return sum(self._price(place, widths) for place in range(len(self.nodes)))

    def of(self, decision: int, widths: Widths) -> float:
        """Cost of the layers that one decision is concerned with."""
        return sum(self._price(place, widths) for place in self._concerned.get(decision, ()))

    def _price(self, place: int, widths: Widths) -> float:
        key = (place, *(widths[index] for index in self._decisions[place]))
        if key not in self._known:
            self._known[key] = self.nodes[place].price(widths, self.goal, self.target)
        return self._known[key]


def price_list(
    coupling: Coupling,
    chosen_from: Sequence[tuple[Group, Sequence[NDArray[np.bool_]]]],
    costs: Sequence[NodeCost],
    layers: Mapping[str, Layer],
    *,
    goal: Goal,
    target: Target,
    formed: Mapping[str, Formed] | None = None,
    sampler_ms: Mapping[str, float] | None = None,
) -> PriceList:
    """The prices of a network.

    Args:
        coupling: of its channels.
        chosen_from: the groups, each with its selections.
        costs: of the nodes that count.
        layers: those of them that low rank and pruning can treat, by name.
        goal: says in which unit.
        target: the runtime.
        formed: the layers that low rank may treat besides, by name.
        sampler_ms: of the groups that a sampler makes, by name.
    """
    reads = {port.node.name: port.atoms for port in coupling.consumers}
    makes = {port.node.name: port.atoms for port in coupling.producers}
    nodes: list[PricedNode | PricedSampler] = []
    if goal.unit == "ms":
        nodes.extend(_samplers(chosen_from, sampler_ms or {}))
    for cost in costs:
        if not cost.macs:
            continue
        read, made = (_side(coupling, found.get(cost.name), chosen_from) for found in (reads, makes))
        work = layer_work(layers[cost.name]) if goal.unit == "ms" and cost.name in layers else None
        if goal.unit == "ms" and work is None:
            continue
        amount = {"MACs": cost.macs, "parameters": cost.params, "ms": 0.0}[goal.unit]
        summed = work is not None and is_summed(layers[cost.name].node)
        nodes.append(PricedNode(amount, read, made, work, (formed or {}).get(cost.name), summed))
    return PriceList(nodes, goal, target)


def _samplers(
    chosen_from: Sequence[tuple[Group, Sequence[NDArray[np.bool_]]]], sampler_ms: Mapping[str, float]
) -> Iterator[PricedSampler]:
    for index, (group, selections) in enumerate(chosen_from):
        if group.name in sampler_ms:
            yield PricedSampler(sampler_ms[group.name], index, len(selections) - 1)


def _side(
    coupling: Coupling, atoms: Atoms | None, chosen_from: Sequence[tuple[Group, Sequence[NDArray[np.bool_]]]]
) -> Side | None:
    if atoms is None:
        return None
    counts = {}
    fixed = len(atoms)
    for index, (group, selections) in enumerate(chosen_from):
        classes = group.indices(coupling, atoms)
        own = classes[classes >= 0]
        if len(own):
            counts[index] = np.array([int(kept[own].sum()) for kept in selections], dtype=np.intp)
            fixed -= len(own)
    return Side(len(atoms), fixed, counts)
