"""Operators that work on positions, channel by channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...graph import constant_values
from ..channels import Coupling, Kept, Literal, NotFollowedError
from ..registry import follows


@follows("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def pool(node: gs.Node, coupling: Coupling) -> None:
    """Channels go through."""
    given = coupling.on_axis(node.inputs[0], 1)
    if len(node.outputs) > 1 and node.outputs[1].outputs:
        raise NotFollowedError("its indices are used, which count over channels")
    if given is not None:
        coupling.hand_on(node.outputs[0], 1, given)


@follows("Resize", "Upsample")
def resize(node: gs.Node, coupling: Coupling) -> None:
    """Channels go through; a literal size of the channel axis is rewritten."""
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    if coupling.shape(node.inputs[0])[found.axis] != coupling.shape(node.outputs[0])[found.axis]:
        raise NotFollowedError("it resizes the channel axis")
    given = [tensor for tensor in node.inputs[1:] if tensor.name]
    if any(constant_values(tensor) is None for tensor in given) or "axes" in node.attrs:
        raise NotFollowedError("its sizes or axes are computed")
    if len(node.inputs) > 3 and node.inputs[3].name:
        write = _size_writer(node, np.array(constant_values(node.inputs[3])), found.axis)
        coupling.literals.append(Literal(found.atoms, write))
    coupling.hand_on(node.outputs[0], found.axis, found.atoms)


def _size_writer(node: gs.Node, sizes: NDArray[np.generic], axis: int) -> Callable[[Kept], None]:
    def write(kept: Kept) -> None:
        changed = sizes.copy()
        changed[axis] = kept.sum()
        node.inputs[3] = gs.Constant(f"{node.name}.sizes", changed)

    return write


@follows("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceProd")
def reduce(node: gs.Node, coupling: Coupling) -> None:
    """Channels go through where the reduced axes are others."""
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    rank = len(coupling.shape(node.inputs[0]))
    axes = {axis % rank for axis in _axes(node, coupling, rank)}
    if found.axis in axes:
        raise NotFollowedError("it reduces over channels")
    lost = 0 if node.attrs.get("keepdims", 1) else sum(axis < found.axis for axis in axes)
    coupling.hand_on(node.outputs[0], found.axis - lost, found.atoms)


def _axes(node: gs.Node, coupling: Coupling, rank: int) -> Sequence[int]:
    if "axes" in node.attrs:
        return [int(axis) for axis in node.attrs["axes"]]
    if len(node.inputs) > 1 and node.inputs[1].name:
        return [int(axis) for axis in coupling.constant(node, 1, "axes")]
    return [] if node.attrs.get("noop_with_empty_axes", 0) else list(range(rank))


@follows("Shape")
def shape(node: gs.Node, coupling: Coupling) -> None:
    """Harmless where nobody looks at the channel axis."""
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    for reader in node.outputs[0].outputs:
        indices = constant_values(reader.inputs[1]) if reader.op == "Gather" else None
        if indices is None or found.axis in np.atleast_1d(indices) % len(coupling.shape(node.inputs[0])):
            raise NotFollowedError("a shape is computed from its number of channels")
