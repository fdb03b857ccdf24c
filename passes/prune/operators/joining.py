"""Operators that put channels together, take them apart and reorder them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...graph import constant_values
from ..channels import Atoms, Coupling, Cut, Kept, Literal, NotFollowedError, Port
from ..registry import follows

_EXPLICIT_SPLIT_INPUT = 13
"""From this opset the sizes of Split are an input."""

_LAST = np.iinfo(np.int64).max


@follows("Concat")
def concat(node: gs.Node, coupling: Coupling) -> None:
    """Along the channel axis atoms stand one after the other; along another they are coupled."""
    found = [coupling.of(tensor) for tensor in node.inputs]
    followed = [place for place in found if place is not None]
    if not followed:
        return
    axis = followed[0].axis
    if any(place.axis != axis for place in followed):
        raise NotFollowedError("channels of its inputs lie on different axes")
    joined = int(node.attrs["axis"]) % len(coupling.shape(node.outputs[0]))
    if joined != axis:
        if len(followed) < len(found):
            raise NotFollowedError("the channels of some of its inputs are not followed")
        coupling.tie_rows(np.stack([place.atoms for place in followed]))
        coupling.hand_on(node.outputs[0], axis, followed[0].atoms)
        return
    sizes = [coupling.shape(tensor)[axis] for tensor in node.inputs]
    parts = []
    for place, size in zip(found, sizes, strict=True):
        atoms = coupling.new(size) if place is None else place.atoms
        if place is None:
            coupling.pin(atoms, f"'{node.name}' (Concat) joins it, and where it comes from is not followed")
        parts.append(atoms)
    coupling.hand_on(node.outputs[0], axis, np.concatenate(parts))


@follows("Split")
def split(node: gs.Node, coupling: Coupling) -> None:
    """Along the channel axis the sizes become what is left of each part."""
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    axis = int(node.attrs.get("axis", 0)) % len(coupling.shape(node.inputs[0]))
    if axis != found.axis:
        for output in node.outputs:
            coupling.hand_on(output, found.axis, found.atoms)
        return
    if len(node.inputs) > 1 and node.inputs[1].name:
        coupling.constant(node, 1, "sizes")
    sizes = [coupling.shape(output)[axis] for output in node.outputs]
    ends = np.cumsum(sizes)
    for output, start, end in zip(node.outputs, ends - sizes, ends, strict=True):
        coupling.hand_on(output, axis, found.atoms[start:end])
    coupling.literals.append(Literal(found.atoms, _split_writer(node, coupling.graph.opset, ends)))


def _split_writer(node: gs.Node, opset: int, ends: NDArray[np.int64]) -> Callable[[Kept], None]:
    def write(kept: Kept) -> None:
        sizes = np.array([int(part.sum()) for part in np.split(kept, ends[:-1])], dtype=np.int64)
        node.attrs.pop("num_outputs", None)
        if opset < _EXPLICIT_SPLIT_INPUT:
            node.attrs["split"] = sizes.tolist()
        else:
            node.inputs = [node.inputs[0], gs.Constant(f"{node.name}.split", sizes)]

    return write


@follows("Slice")
def cut_out(node: gs.Node, coupling: Coupling) -> None:
    """A run of channels; other axes do not matter."""
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    if len(node.inputs) == 1:
        raise NotFollowedError("it is of opset 9 or older")
    rank = len(coupling.shape(node.inputs[0]))
    values = [np.array(coupling.constant(node, index, "ranges")) for index in range(1, len(node.inputs))]
    starts, ends = values[0], values[1]
    axes = values[2] % rank if len(values) > 2 else np.arange(len(starts))
    if found.axis not in axes:
        coupling.hand_on(node.outputs[0], found.axis, found.atoms)
        return
    place = int(np.flatnonzero(axes == found.axis)[0])
    if len(values) > 3 and values[3][place] != 1:
        raise NotFollowedError("it takes channels in steps")
    start, end, _ = slice(int(starts[place]), min(int(ends[place]), _LAST)).indices(len(found.atoms))
    coupling.literals.append(Literal(found.atoms, _range_writer(node, (starts, ends), place, (start, end))))
    coupling.hand_on(node.outputs[0], found.axis, found.atoms[start:end])


def _range_writer(
    node: gs.Node, values: tuple[NDArray[np.generic], NDArray[np.generic]], place: int, span: tuple[int, int]
) -> Callable[[Kept], None]:
    def write(kept: Kept) -> None:
        for index, (array, position) in enumerate(zip(values, span, strict=True), 1):
            changed = array.copy()
            changed[place] = kept[:position].sum()
            node.inputs[index] = gs.Constant(f"{node.name}.{('starts', 'ends')[index - 1]}", changed)

    return write


@follows("Gather")
def gather(node: gs.Node, coupling: Coupling) -> None:
    """A choice of channels by constant indices."""
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    if int(node.attrs.get("axis", 0)) % len(coupling.shape(node.inputs[0])) != found.axis:
        raise NotFollowedError("it takes positions")
    indices = np.array(coupling.constant(node, 1, "indices")).astype(np.int64)
    if indices.ndim != 1:
        raise NotFollowedError("its indices are not a list")
    indices %= len(found.atoms)
    if node.name in coupling.samplers:
        _sample(node, coupling, found.atoms)
        return
    coupling.literals.append(Literal(found.atoms, _index_writer(node, indices)))
    coupling.hand_on(node.outputs[0], found.axis, found.atoms[indices])


def _sample(node: gs.Node, coupling: Coupling, given: Atoms) -> None:
    """A sampler picks from channels that all stay; which of them go on is a decision of its own."""
    coupling.pin(given, f"'{node.name}' picks from it")
    made = coupling.new(len(given))
    coupling.cuts.append(Cut(node, 1, 0, made))
    coupling.producers.append(Port(node, made))
    coupling.hand_on(node.outputs[0], 1, made)


def _index_writer(node: gs.Node, indices: NDArray[np.int64]) -> Callable[[Kept], None]:
    def write(kept: Kept) -> None:
        positions = np.cumsum(kept) - 1
        node.inputs[1] = gs.Constant(f"{node.name}.indices", positions[indices[kept[indices]]].astype(np.int64))

    return write


@follows("Pad")
def pad(node: gs.Node, coupling: Coupling) -> None:
    """Constant channels that are added (shortcuts of a ResNet's option A) are channels like others."""
    found = coupling.of(node.inputs[0])
    if found is None:
        return
    pads, rank = _pads(node, coupling), len(coupling.shape(node.inputs[0]))
    before, after = int(pads[found.axis]), int(pads[rank + found.axis])
    if not before and not after:
        coupling.hand_on(node.outputs[0], found.axis, found.atoms)
        return
    mode = node.attrs.get("mode", "constant")
    if mode != "constant" or min(before, after) < 0:
        raise NotFollowedError(f"it pads channels by mode '{mode}', or cuts them")
    parts: tuple[Atoms, Atoms] = (coupling.new(before), coupling.new(after))
    for part, place in zip(parts, (found.axis, rank + found.axis), strict=True):
        coupling.literals.append(Literal(part, _pad_writer(node, place)))
    coupling.hand_on(node.outputs[0], found.axis, np.concatenate([parts[0], found.atoms, parts[1]]))


def _pads(node: gs.Node, coupling: Coupling) -> NDArray[np.generic]:
    """The amounts, over all axes."""
    if "pads" in node.attrs:
        return np.array(node.attrs["pads"])
    if len(node.inputs) > 3 and node.inputs[3].name:
        raise NotFollowedError("it names its axes")
    return coupling.constant(node, 1, "amounts")


def _pad_writer(node: gs.Node, place: int) -> Callable[[Kept], None]:
    def write(kept: Kept) -> None:
        if "pads" in node.attrs:
            node.attrs["pads"] = [int(kept.sum()) if i == place else p for i, p in enumerate(node.attrs["pads"])]
            return
        changed = np.array(constant_values(node.inputs[1]))
        changed[place] = kept.sum()
        node.inputs[1] = gs.Constant(f"{node.name}.pads", changed)

    return write
