"""Operators that treat every element by itself: channels go through, and those that meet are coupled."""

from __future__ import annotations

import onnx_graphsurgeon as gs

from ...graph import constant_values
from ..channels import Atoms, Channels, Coupling, Cut, NotFollowedError
from ..registry import follows


@follows(
    *("Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu", "Selu", "Celu", "ThresholdedRelu", "HardSigmoid"),
    *("HardSwish", "Mish", "Gelu", "Softplus", "Softsign", "Identity", "Dropout", "Cast", "Erf", "Abs", "Neg"),
    *("Exp", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos"),
)
def unary(node: gs.Node, coupling: Coupling) -> None:
    """Channels go through."""
    found = coupling.of(node.inputs[0])
    if len(node.outputs) > 1 and node.outputs[1].outputs:
        raise NotFollowedError("its second output is used")
    if found is not None:
        coupling.hand_on(node.outputs[0], found.axis, found.atoms)


@follows("Add", "Sub", "Mul", "Div", "Pow", "Sum", "Max", "Min", "Mean", "PRelu", "Where")
def broadcast(node: gs.Node, coupling: Coupling) -> None:
    """Channels on the same axis, counted from the last, are coupled; sizes of 1 are repeated."""
    ranks = [len(coupling.shape(tensor)) for tensor in node.inputs]
    rank = max(ranks)
    places = [_place(coupling.of(tensor), rank - own) for tensor, own in zip(node.inputs, ranks, strict=True)]
    followed = [place for place in places if place is not None]
    if not followed:
        return
    axis = followed[0].axis
    if any(place.axis != axis for place in followed):
        raise NotFollowedError("channels of its inputs lie on different axes")
    wide = max((place.atoms for place in followed), key=len)
    offsets = [axis - (rank - own) for own in ranks]
    sizes = [
        coupling.shape(tensor)[offset] if offset >= 0 else 1
        for tensor, offset in zip(node.inputs, offsets, strict=True)
    ]
    if any(size not in {1, len(wide)} for size in sizes):
        raise NotFollowedError("it broadcasts a single channel")
    for tensor, place, size in zip(node.inputs, places, sizes, strict=True):
        if place is None and size > 1 and constant_values(tensor) is None:
            raise NotFollowedError(f"the channels of '{tensor.name}' are not followed")
    _couple(node, coupling, wide, list(zip(places, offsets, sizes, strict=True)))
    coupling.hand_on(node.outputs[0], axis, wide)


def _place(found: Channels | None, shift: int) -> Channels | None:
    return None if found is None else Channels(found.axis + shift, found.atoms)


def _couple(node: gs.Node, coupling: Coupling, wide: Atoms, inputs: list[tuple[Channels | None, int, int]]) -> None:
    for index, (place, offset, size) in enumerate(inputs):
        if place is None:
            if size > 1:
                coupling.cuts.append(Cut(node, index, offset, wide))
        elif len(place.atoms) == len(wide):
            coupling.unite(wide, place.atoms)
        else:
            coupling.pin(place.atoms, f"'{node.name}' ({node.op}) repeats it for all channels of another tensor")
