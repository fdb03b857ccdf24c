"""The part of a net between chosen inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...errors import SourceError, nearest
from .net import Net, NetInput


def net_outputs(net: Net) -> list[str]:
    """The blobs that no layer reads, in the order they are written first.

    Source: BVLC net.cpp, available_blobs.
    """
    available: dict[str, None] = {}
    for layer in net.layers:
        for bottom in layer.bottoms:
            available.pop(bottom, None)
        available.update(dict.fromkeys(layer.tops))
    return list(available)


def cut(net: Net, outputs: Sequence[str], inputs: Mapping[str, tuple[int, ...] | None]) -> Net:
    """The layers that `outputs` need, with `inputs` (shapes by blob) in place of the layers that make those.

    Raises:
        SourceError: a blob does not exist, or an output does not depend on any layer.
    """
    _check_names(net, [*outputs, *inputs])
    needed, kept = set(outputs), []
    for layer in reversed(net.layers):
        if needed.intersection(layer.tops) - inputs.keys():
            needed.difference_update(layer.tops)
            needed.update(layer.bottoms)
            kept.append(layer)
    declared = [entry for entry in net.inputs if entry.name in needed and entry.name not in inputs]
    fed = [NetInput(name, shape, 0) for name, shape in inputs.items() if name in needed]
    if not kept:
        raise SourceError(f"{net.file}: no layer lies between the inputs and {', '.join(outputs) or 'any output'}")
    return replace(net, inputs=(*declared, *fed), layers=tuple(reversed(kept)))


def _check_names(net: Net, names: Sequence[str]) -> None:
    blobs = {entry.name for entry in net.inputs} | {top for layer in net.layers for top in layer.tops}
    for name in names:
        if name not in blobs:
            raise SourceError(f"{net.file}: has no blob '{name}'{nearest(name, blobs)}")
