"""Choose between two ways to fit weights by what comes of them.

With 8 bits a layer usually loses least when it is fitted to the float network's own tensors: what was lost before it is
less than what the sampling of a regression adds. Where much was lost, as in a deep network of narrow layers, fitting
each layer to what the network quantized so far feeds it makes up for some of that.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx_graphsurgeon as gs

from .biases import settle_biases
from .ends import sensitive_ends
from .grid import WEIGHT_BITS
from .judge import Judge
from .placement import Placement
from .static import Observed, StaticSettings, quantize_static

_FAITHFUL_DB = 25.0
"""Fidelity above which sequential fitting lost on every network it was measured on."""

_SETTLED_DB = 35.0
"""Fidelity above which means are near enough to those of the float network."""


def quantize_measured(
    observed: Observed, settings: StaticSettings, kept: Collection[str] = ()
) -> tuple[gs.Graph, Placement]:
    """The quantized network, with the layers `kept` left float, fitted in the better way."""
    graph, placement = quantize_static(observed, settings, kept)
    if settings.float_ends and placement.layers:
        judge = Judge(observed)
        shares = sensitive_ends(judge.rest, settings, kept, judge, judge(graph).noise)
        kept = {*kept, *shares}
        graph, placement = quantize_static(observed, settings, kept)
        for name, share in shares.items():
            placement.reasons[name] = f"kept float: alone it makes {share:.0%} of the noise in little of the time"
    repairs = settings.repairs
    if settings.bits < WEIGHT_BITS or not (repairs.fits and repairs.sequential and placement.layers):
        return graph, placement
    judge = Judge(observed)
    reached = judge(graph).sqnr_db
    if reached < _SETTLED_DB and any(layer.group > 1 for layer in observed.layers):
        settled = settle_biases(judge.rest, graph, placement)
        if (found := judge(settled).sqnr_db) > reached:
            graph, reached = settled, found
    if reached >= _FAITHFUL_DB:
        return graph, placement
    other, _ = quantize_static(judge.rest, settings, kept, sequential=True)
    return (other if judge(other).sqnr_db > reached else graph), placement
