"""One step for everything that is added up, so that sums round nothing.

A sum of integers whose grids have the same step is an integer of that step: what is rounded is only each summand, once.
With a step of its own for each, the sum would be rounded again. It also is how all runtimes come to the same numbers:
OpenVINO computes a convolution and the sum behind it in one kernel that does not round in between, and between
multiples of one step that makes no difference. Zero points stay each tensor's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import onnx_graphsurgeon as gs

from .grid import Grid
from .placement import Placement, final_output

_MOST_NOISE = 2.0
"""Of one step for a chain of sums over that of a step for each tensor: more where their ranges grow much."""


def shared_steps(graph: gs.Graph, placement: Placement, grids: Mapping[str, Grid]) -> dict[str, float]:
    """The common step of every group of tensors that is part of a chain of sums, where that costs little.

    Args:
        graph: where the sums stand.
        placement: of it.
        grids: by group of tensors, each with the step that suits it best.
    """
    additions = [node for node in placement.operators if node.op == "Add"]
    sums = {placement.groups[final_output(graph, node).name] for node in additions}
    tensors = graph.tensors()
    bounded = {group for name, group in placement.groups.items() if _clipped(tensors[name])}
    shared = {}
    for chain in _chains(graph, placement, additions):
        steps = np.array([grids[group].scale for group in sorted(chain)])
        worthwhile = len(chain - sums) * steps.max() ** 2 <= _MOST_NOISE * np.square(steps).sum()
        if worthwhile and not chain & bounded:
            shared.update(dict.fromkeys(chain, float(steps.max())))
    return shared


def _chains(graph: gs.Graph, placement: Placement, additions: Collection[gs.Node]) -> list[set[str]]:
    """The groups of tensors that sums connect."""
    chains: list[set[str]] = []
    for node in additions:
        joined = {placement.groups[tensor.name] for tensor in (*node.inputs, final_output(graph, node))}
        apart = [chain for chain in chains if not chain & joined]
        joined.update(*(chain for chain in chains if chain & joined))
        chains = [*apart, joined]
    return chains


def _clipped(tensor: gs.Tensor) -> bool:
    """Whether a Clip makes the tensor: a larger step would lie beyond its bound."""
    return any(node.op == "Clip" for node in tensor.inputs)
