"""What each group can become: widths, which channels stay at each, and what the network suffers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..layers import Layer
from ..made_up import shares_left
from ..targets import Target
from ..targets.target import FLOOR
from .channels import Coupling
from .criterion import Candidates, Criterion, best
from .decision import Offer
from .groups import Group, spare_one, whole_parts
from .magnitude import magnitudes
from .measuring import Measured
from .network import Network
from .reader import Reader, usual_weight

_POOLS = frozenset({"MaxPool", "AveragePool"})

_STEPS = 8

_LEAST_LOSS = 1e-12
"""What goes without any loss is cheap, and less of it is still better."""

Selections = list[NDArray[np.bool_]]


def useful_widths(group: Group, coupling: Coupling, target: Target, unit: str) -> list[int]:
    """Numbers of classes worth keeping, ascending; the last is all of them.

    Where milliseconds count: multiples of the target's block. More than half a block costs as much as a whole one, and
    pooling leaves the blocked layout at other widths, so that the exact pass would pad the channels again. Where MACs
    or parameters count: an eighth of the channels at a time, in blocks where these are smaller, and never finer than
    every runtime asks for.
    """
    repeated = max(1, len(group.producers[0].atoms) // group.size)
    size = group.size * repeated
    if unit == "ms":
        pooled = any(_has_channels_of(group, coupling, node) for node in coupling.graph.nodes if node.op in _POOLS)
        widths = {
            rank
            for rank in target.useful_ranks(size - 1)
            if rank % target.block == 0 or 2 * rank < target.block or (rank > target.block and not pooled)
        }
    else:
        step = max(FLOOR, min(target.block, size // _STEPS // FLOOR * FLOOR))
        widths = set(range(step, size, step))
    return sorted({max(1, width // repeated) for width in widths} | {group.size})


def _has_channels_of(group: Group, coupling: Coupling, node: gs.Node) -> bool:
    found = coupling.of(node.inputs[0])
    return found is not None and bool((group.indices(coupling, found.atoms) >= 0).any())


def make_offer(
    candidates: Candidates,
    widths: Sequence[int],
    criterion: Criterion,
    *,
    fitted: bool,
    shared: Collection[str] = (),
) -> tuple[Offer, Selections]:
    """The widths of a group with their errors, and which classes stay at each.

    Args:
        candidates: the group and what is known of it.
        widths: ascending; the last is all of them.
        criterion: chooses.
        fitted: whether what is left will be fitted anew.
        shared: names of the layers that read several groups.
    """
    group, readers = candidates.group, candidates.readers
    selections = criterion.selections(candidates, widths[:-1]) if len(widths) > 1 else []
    selections = [*_nested(selections, candidates), np.ones(group.size, dtype=bool)]
    others = [reader for reader in readers if reader.name in shared]
    if readers:
        alone = _losses([reader for reader in readers if reader.name not in shared], selections, fitted=fitted)
        losses = alone + _losses(others, selections, fitted=fitted)
    else:
        alone = losses = _losses_of_weights(candidates, selections)
    names = [reader.name for reader in others]
    return Offer(group.name, widths, _monotone(losses), _monotone(alone), names), selections


def _losses_of_weights(candidates: Candidates, selections: Selections) -> NDArray[np.float64]:
    """What goes without data: as in accnn's product of energies, more from one group weighs more than less from many.

    It counts for every layer that reads the group, by the share of its channels that are the group's: where a residual
    sum is narrowed, all branches suffer.
    """
    group, coupling = candidates.group, candidates.coupling
    reading = sum(float((group.indices(coupling, port.atoms) >= 0).mean()) for port in group.consumers)
    shares = magnitudes(group, coupling)
    kept = np.array([shares[kept].sum() for kept in selections]) / max(shares.sum(), 1e-30)
    losses: NDArray[np.float64] = -reading * np.log(np.maximum(kept, 1e-9))
    return losses


def _nested(selections: Selections, candidates: Candidates) -> Selections:
    """The selections, in each all classes of those before it: a LASSO may let one go that it took at a lesser width."""
    nested: Selections = []
    parts = whole_parts(candidates.group, candidates.coupling)
    times: NDArray[np.float64] = np.array(selections, dtype=np.float64).sum(axis=0)
    for kept in selections:
        chosen = best(times, int(kept.sum()))
        spare_one(chosen, parts)
        nested.append(chosen | nested[-1] if nested else chosen)
    return nested


def _losses(readers: Sequence[Reader], selections: Selections, *, fitted: bool) -> NDArray[np.float64]:
    """What these readers make the network suffer at each selection, of which the last is all."""
    losses = np.zeros(len(selections))
    for reader in readers if len(selections) > 1 else ():
        losses[:-1] += reader.losses(selections[:-1], refit=fitted)
    losses[:-1] = np.maximum(losses[:-1], _LEAST_LOSS if readers else 0.0)
    return losses


def _monotone(losses: NDArray[np.float64]) -> list[float]:
    """A wider choice that loses more would only confuse the solver."""
    rising: list[float] = np.maximum.accumulate(losses[::-1])[::-1].tolist()
    return rising


def readers_of(group: Group, coupling: Coupling, layers: Mapping[str, Layer], measured: Measured) -> list[Reader]:
    """The layers that read a group."""
    readers = []
    for port in group.consumers:
        name, classes = port.node.name, group.indices(coupling, port.atoms)
        law = measured.laws[name]
        readers.append(Reader(measured.known.forms(layers[name], classes, usual_weight(law)), law, name))
    return readers


def weighed(measured: Measured, network: Network) -> Measured:
    """The same with laws that count what is left of an error once the layers behind are fitted."""
    shares = shares_left(network.graph, [name for name in network.layers if name in measured.laws])
    laws = {name: replace(law, scale=law.scale * shares[name]) for name, law in measured.laws.items() if name in shares}
    return replace(measured, laws=laws)
