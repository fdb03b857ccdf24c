"""Which channels are the same whatever the network is fed with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values
from .channels import Coupling, Port

Roots = frozenset[int]

_NOTHING: Roots = frozenset()


def constant_channels(coupling: Coupling, threshold: float = 0.0) -> dict[str, Roots]:
    """By tensor name, the roots of those channels that no input of the network has a part in.

    A filter of zeros makes one: its bias everywhere. So does a filter whose only weights are for such channels. What
    treats channels one by one hands them on, where all that it joins are such.

    Args:
        coupling: of the channels.
        threshold: up to this magnitude a weight counts as 0.
    """
    makes = {id(port.node): port for port in coupling.producers}
    reads = {id(port.node): port for port in coupling.consumers}
    constant: dict[str, Roots] = {}
    for node in coupling.graph.nodes:
        port = makes.get(id(node))
        if port is not None:
            filters = _filters(coupling, port, reads.get(id(node)), threshold)
            constant[node.outputs[0].name] = _made(coupling, port, reads.get(id(node)), filters, constant)
            continue
        for tensor in node.outputs:
            found = coupling.of(tensor)
            if found is not None:
                roots = frozenset(coupling.roots(found.atoms).tolist())
                constant[tensor.name] = roots - _varying(coupling, node, roots, constant)
    return constant


def _varying(coupling: Coupling, node: gs.Node, roots: Roots, constant: Mapping[str, Roots]) -> Roots:
    """Which of the `roots` that an operator hands on depend on what the network is fed with."""
    computed = [tensor for tensor in node.inputs if tensor.name and constant_values(tensor) is None]
    varying: Roots = _NOTHING
    for tensor in computed:
        found = coupling.of(tensor)
        if found is None:
            return roots
        own = frozenset(coupling.roots(found.atoms).tolist()) - constant.get(tensor.name, _NOTHING)
        if len(computed) > 1 and not own <= roots:  # a single channel that is repeated for all others
            return roots
        varying |= own
    return varying


def _made(
    coupling: Coupling, port: Port, reader: Port | None, filters: NDArray[np.bool_], constant: Mapping[str, Roots]
) -> Roots:
    """The roots of the constant channels that a layer makes."""
    read = constant.get(port.node.inputs[0].name, _NOTHING)
    roots = coupling.roots(port.atoms)
    loud = ~np.isin(roots, list(read)) & np.any(filters, axis=(1, 2))  # of a depthwise layer, or the first
    if reader is not None:
        varying = ~np.isin(coupling.roots(reader.atoms), list(read))
        loud = np.any(filters[:, varying], axis=(1, 2))
    return frozenset(roots.tolist()) - frozenset(roots[loud].tolist())


def _filters(coupling: Coupling, port: Port, reader: Port | None, threshold: float) -> NDArray[np.bool_]:
    """(N, C, elements) whether the weights of a layer are other than 0; C is 1 where it reads nothing followed."""
    weight = np.abs(np.asarray(constant_values(port.node.inputs[1])))
    filters = weight_axis(coupling, port)
    if reader is None:
        moved = np.moveaxis(weight, filters, 0).reshape(weight.shape[filters], 1, -1)
    else:
        moved = np.moveaxis(weight, (filters, weight_axis(coupling, reader)), (0, 1))
    loud: NDArray[np.bool_] = np.greater(moved.reshape(*moved.shape[:2], -1), threshold)
    return loud


def weight_axis(coupling: Coupling, port: Port) -> int:
    """The axis of a layer's weights on which the channels of `port` lie."""
    return next(c.axis for c in coupling.cuts if c.node is port.node and c.index == 1 and c.atoms is port.atoms)
