"""Operators that move axes or regroup them, channel shuffles among them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..channels import Atoms, Coupling, Kept, Literal, NotFollowedError
from ..registry import follows

_Sizes = tuple[int, ...]


@follows("Transpose")
def transpose(node: gs.Node, coupling: Coupling) -> None:
    """The channel axis moves."""
    found = coupling.of(node.inputs[0])
    if found is not None:
        rank = len(coupling.shape(node.inputs[0]))
        order = list(node.attrs.get("perm", range(rank)[::-1]))
        coupling.hand_on(node.outputs[0], order.index(found.axis), found.atoms)


@follows("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(node: gs.Node, coupling: Coupling) -> None:
    """Axes are split and merged; a literal number of channels is rewritten.

    Where the channel axis is split (channel shuffle), channels are coupled across the smaller part, so that what is
    left can be split again. Where positions are merged into it, every channel stands for its positions.
    """
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    before, after = coupling.shape(node.inputs[0]), coupling.shape(node.outputs[0])
    literal = _literal_shape(node, coupling)
    (start, end), (first, last) = _block(before, after, found.axis)
    if start == 0 and found.axis > 0 and before[0] != 1:
        raise NotFollowedError("it merges channels with the batch")
    if first == last:
        raise NotFollowedError("it removes the channel axis")
    shape = [1] * (end - start)
    shape[found.axis - start] = -1
    spread = np.broadcast_to(found.atoms.reshape(shape), before[start:end]).reshape(after[first:last])
    axis = int(np.argmax(after[first:last]))
    atoms = coupling.tie_rows(np.moveaxis(spread, axis, -1).reshape(-1, after[first + axis]))
    if literal is not None:
        coupling.literals.append(Literal(atoms, _shape_writer(node, literal, first + axis)))
    coupling.hand_on(node.outputs[0], first + axis, atoms)


def _literal_shape(node: gs.Node, coupling: Coupling) -> NDArray[np.generic] | None:
    if node.op != "Reshape":
        return None
    return coupling.constant(node, 1, "sizes")


def _shape_writer(node: gs.Node, literal: NDArray[np.generic], axis: int) -> Callable[[Kept], None]:
    def write(kept: Kept) -> None:
        if literal[axis] > 0:
            changed = literal.copy()
            changed[axis] = kept.sum()
            node.inputs[1] = gs.Constant(f"{node.name}.shape", changed)

    return write


def _block(before: _Sizes, after: _Sizes, axis: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The run of axes that holds `axis`, and the run of the new shape that holds the same elements."""
    for (start, end), (first, last) in _blocks(before, after):
        if start <= axis < end:
            return (start, end), (first, last)
    raise NotFollowedError("its sizes do not fit together")


def _blocks(before: _Sizes, after: _Sizes) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The shortest runs of equal products; axes of size 1 at the end go with the last run."""
    if math.prod(before) != math.prod(after):
        return
    start = first = 0
    while start < len(before) or first < len(after):
        end, last = min(start + 1, len(before)), min(first + 1, len(after))
        while math.prod(before[start:end]) != math.prod(after[first:last]):
            if math.prod(before[start:end]) < math.prod(after[first:last]):
                end += 1
            else:
                last += 1
        if math.prod(before[end:]) == 1:
            end = len(before)
        if math.prod(after[last:]) == 1:
            last = len(after)
        yield (start, end), (first, last)
        start, first = end, last


@follows("DepthToSpace")
def depth_to_space(node: gs.Node, coupling: Coupling) -> None:
    """(C * b * b, H, W) to (C, H * b, W * b): the b * b channels of one output stand and fall together."""
    given = coupling.on_axis(node.inputs[0], 1)
    if given is None:
        return
    squared = int(node.attrs["blocksize"]) ** 2
    columns_first = node.attrs.get("mode", "DCR") == "DCR"
    rows: Atoms = given.reshape(squared, -1) if columns_first else given.reshape(-1, squared).T
    coupling.hand_on(node.outputs[0], 1, coupling.tie_rows(rows))


@follows("SpaceToDepth")
def space_to_depth(node: gs.Node, coupling: Coupling) -> None:
    """(C, H, W) to (b * b * C, H / b, W / b): every channel is there b * b times."""
    given = coupling.on_axis(node.inputs[0], 1)
    if given is not None:
        coupling.hand_on(node.outputs[0], 1, np.tile(given, int(node.attrs["blocksize"]) ** 2))
