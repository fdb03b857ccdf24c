"""`--refine`: sensitivities once more, with all other layers compressed.

One layer at a time is put back as it was while all others stay compressed: by how much less the network's output then
diverges is what the layer contributes. The losses of all its options are scaled so that the one chosen costs that much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from ...progress import track
from ...runtime_check.session import Feeds
from ..divergence import Diverging
from ..layers import Layer
from ..options import KEEP, Option
from .chain import alone, apply_chain
from .form import Chain, Stage

Replacement = tuple[str, Sequence[Stage], Chain]
"""Name of a layer, and what takes its place."""

_LARGEST_FACTOR = 4.0
"""By how much one round may correct a layer: what it contributes is a small difference of two measurements."""


def on_graph(graph: gs.Graph, layers: Sequence[Layer]) -> list[Layer]:
    """The same layers of a copy of their graph."""
    nodes = {node.name: node for node in graph.nodes}
    return [replace(layer, node=nodes[layer.name]) for layer in layers]


def reweighted(
    graph: gs.Graph,
    layers: Sequence[Layer],
    replacements: Sequence[Replacement],
    offers: Sequence[Sequence[Option]],
    *,
    chosen: Sequence[Option],
    batches: Sequence[Feeds],
) -> list[list[Option]]:
    """The offers with losses as the layers have them in the compressed network.

    Args:
        graph: the original network.
        layers: the layers that are compressed.
        replacements: what they became.
        offers: all layers' options; the first is to leave the layer alone.
        chosen: one of each.
        batches: a few unlabelled images.
    """
    contributed = _contributions(graph, layers, replacements, batches)
    factors = {
        option.layer: float(np.clip(contributed[option.layer] / option.loss, 1 / _LARGEST_FACTOR, _LARGEST_FACTOR))
        for option in chosen
        if option.form != KEEP and option.loss > 0
    }
    usual = float(np.exp(np.mean(np.log(list(factors.values()))))) if factors else 1.0
    return [[replace(o, loss=o.loss * factors.get(o.layer, usual)) for o in options] for options in offers]


def _contributions(
    graph: gs.Graph, layers: Sequence[Layer], replacements: Sequence[Replacement], batches: Sequence[Feeds]
) -> dict[str, float]:
    """By layer name, how much less the output diverges, in the mean over the images, with that layer as it was."""
    compressed = _compressed(graph, layers, replacements)
    by_name = {layer.name: layer for layer in layers}
    changing = [by_name[name].node.outputs[0].name for name, _, _ in replacements]
    diverging = Diverging(graph, batches, changing, compressed)
    everything = diverging.of_common()
    contributed = {}
    for name, _, _ in track(replacements, "Measuring sensitivity among compressed layers"):
        (without,) = diverging.of([alone(graph, by_name[name])])
        contributed[name] = everything - without
    return contributed


def _compressed(graph: gs.Graph, layers: Sequence[Layer], replacements: Sequence[Replacement]) -> gs.Graph:
    changed = graph.copy()
    own = {layer.name: layer for layer in on_graph(changed, layers)}
    for name, stages, chain in replacements:
        apply_chain(changed, own[name], stages, chain)
    return changed
