"""What each group can become: widths, which channels stay at each, and what the network suffers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..layers import Layer
from ..targets import Target
from ..targets.target import FLOOR
from .channels import Coupling
from .criterion import Candidates, Criterion
from .decision import Offer
from .groups import Group, spare_one
from .magnitude import magnitudes
from .measuring import Measured
from .quadratic import Reader, losses_of_widths, usual_weight

_POOLS = frozenset({"MaxPool", "AveragePool"})

_STEPS = 8

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
) -> tuple[Offer, Selections]:
    """The widths of a group with their errors, and which classes stay at each.

    Args:
        candidates: the group and what is known of it.
        widths: ascending; the last is all of them.
        criterion: chooses.
        fitted: whether what is left will be fitted anew.
    """
    group, readers = candidates.group, candidates.readers
    selections = criterion.selections(candidates, widths[:-1]) if len(widths) > 1 else []
    for kept in selections:
        spare_one(kept, group, candidates.coupling)
    losses = []
    if selections and readers:
        losses = losses_of_widths(readers, selections, refit=fitted)
    elif selections:
        shares = magnitudes(group, candidates.coupling)
        # as accnn's product of energies: what goes from one group alone weighs more than the same from many
        losses = [-math.log(max(float(shares[kept].sum() / max(shares.sum(), 1e-30)), 1e-9)) for kept in selections]
    # a wider choice that loses more would only confuse the budget
    monotone = np.maximum.accumulate([*losses, 0.0][::-1])[::-1].tolist()
    everything = np.ones(group.size, dtype=bool)
    return Offer(group.name, widths, monotone), [*selections, everything]


def readers_of(group: Group, coupling: Coupling, layers: Mapping[str, Layer], measured: Measured) -> list[Reader]:
    """The layers that read a group."""
    readers = []
    for port in group.consumers:
        law, classes = measured.laws[port.node.name], group.indices(coupling, port.atoms)
        readers.append(Reader(measured.known.forms(layers[port.node.name], classes, usual_weight(law)), law))
    return readers
