"""The first and the last layer of a network, which most networks can least do without."""

from __future__ import annotations

from collections.abc import Sequence

from .channels import Coupling
from .decision import Offer
from .groups import Group
from .price import PriceList
from .widths import widest


def sensitive_ends(
    groups: Sequence[Group], offers: Sequence[Offer], prices: PriceList, coupling: Coupling
) -> dict[int, str]:
    """Indices of the groups that the first layers make or the last read and that lose most, and why to spare them.

    A group loses most if, halved, no other one costs the network more per multiply-accumulate, parameter or millisecond
    that it saves. One group at least is left to be pruned.
    """
    rates = [_rate(index, offers, prices) for index in range(len(groups))]
    spared: dict[int, str] = {}
    last = _last_layers(coupling)
    ends = {
        "first": [index for index, group in enumerate(groups) if _begins(group, coupling)],
        "last": [index for index, group in enumerate(groups) if any(id(p.node) in last for p in group.consumers)],
    }
    for end, own in ends.items():
        others = [rate for index, rate in enumerate(rates) if index not in own]
        for index in own:
            if others and rates[index] > max(others):
                spared[index] = f"it is the network's {end} layer and would lose most; --prune-ends lets it"
    return spared


def _rate(index: int, offers: Sequence[Offer], prices: PriceList) -> float:
    """Loss per cost saved with about half of a group's channels."""
    full = widest(offers)
    half = [place // 2 if other == index else place for other, place in enumerate(full)]
    saved = prices.total(full) - prices.total(half)
    return offers[index].losses[half[index]] / saved if saved > 0 else 0.0


def _begins(group: Group, coupling: Coupling) -> bool:
    """Whether a layer makes the group that reads none of the channels that are followed: the network's input."""
    reading = {id(port.node) for port in coupling.consumers}
    return any(id(port.node) not in reading and coupling.of(port.node.inputs[0]) is None for port in group.producers)


def _last_layers(coupling: Coupling) -> set[int]:
    """Ids of the nodes that read channels and behind which no other does."""
    reading = {id(port.node) for port in coupling.consumers}
    before_layers: set[int] = set()
    last = set()
    for node in reversed(coupling.graph.nodes):
        behind = any(id(tensor) in before_layers for tensor in node.outputs)
        if id(node) in reading and not behind:
            last.add(id(node))
        if behind or id(node) in reading:
            before_layers.update(id(tensor) for tensor in node.inputs)
    return last
