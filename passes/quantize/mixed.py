"""Mixed precision: the layers that stay float, so that the network's error holds a bound at the fewest milliseconds.

Each layer's sensitivity is the noise at the network's outputs when it alone is quantized. The noises of layers add up,
so that the budget solver of the house chooses: it minimizes milliseconds while the noise stays within the budget. What
comes out is quantized and measured; as long as it misses the bound, the budget shrinks by as much as was missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...progress import track
from ..budget import choose
from ..layers import Layer
from ..options import KEEP, Option
from ..targets import find_target
from .judge import Bound, Fidelity, Judge
from .placement import Placement
from .reconstruct import FAST
from .static import Observed, StaticSettings, quantize_static

INTEGER = "int8"
"""The form of the option to compute in integers."""

_SPEEDUP = 3.5
"""Of integers over float, where there is VNNI (measured on VGG-16: 3.6)."""

_ROUNDS = 5
_SLACK = 0.7
"""Of the noise that would just do, for noises that do not quite add up."""


def quantize_mixed(
    observed: Observed, settings: StaticSettings, bound: Bound
) -> tuple[gs.Graph, Placement, Mapping[str, float]]:
    """The quantized network that keeps `bound`, what is quantized in it, and every layer's noise.

    Raises:
        PlanishError: the bound cannot be kept with a single layer quantized.
    """
    judge = Judge(observed, drops=bound.max_drop is not None)
    observed = judge.rest
    graph, placement = quantize_static(observed, settings)
    found = judge(graph)
    if found.holds(bound):
        return graph, placement, {}
    layers = [layer for layer in observed.layers if layer.name in {node.name for node in placement.layers}]
    noises = _sensitivities(observed, settings, layers, judge)
    options = [_options(layer, noises[layer.name]) for layer in layers]
    budget = sum(noises.values())
    closest, integer = found, len(layers)
    for _ in range(_ROUNDS):
        budget *= _SLACK * _shortfall(found, bound)
        kept = {option.layer for option in choose(options, budget, lambda option: option.error) if option.form == KEEP}
        graph, placement = quantize_static(observed, settings, kept)
        if not placement.layers:
            break
        found = judge(graph)
        if found.holds(bound):
            return graph, placement, noises
        closest, integer = found, len(placement.layers)
    lost = "" if closest.drop is None else f", {closest.drop}"
    raise PlanishError(
        f"quantization cannot keep the bound: with {integer} of {len(layers)} layers in integers there are "
        f"{closest.sqnr_db:.1f} dB{lost}; relax --min-sqnr or --max-drop"
    )


def _shortfall(found: Fidelity, bound: Bound) -> float:
    """The noise that would do over the noise there is; a half where only points tell."""
    factors = []
    if bound.min_sqnr is not None:
        factors.append(10 ** ((found.sqnr_db - bound.min_sqnr) / 10))
    if bound.max_drop is not None and not found.holds(Bound(max_drop=bound.max_drop)):
        factors.append(0.5)
    return min([1.0, *factors])


def _options(layer: Layer, noise: float) -> list[Option]:
    whole_ms = find_target().layer_ms(layer)
    fast_ms = whole_ms / _SPEEDUP
    return [
        Option(layer.name, KEEP, (0,), layer.macs, layer.params, whole_ms, 0.0, whole_ms - fast_ms),
        Option(layer.name, INTEGER, (8,), layer.macs, layer.params, fast_ms, noise, 0.0),
    ]


def _sensitivities(
    observed: Observed, settings: StaticSettings, layers: Sequence[Layer], judge: Judge
) -> dict[str, float]:
    """The noise at the outputs with one layer quantized, by its name."""
    plain = replace(settings, repairs=FAST)
    names = {layer.name for layer in layers}
    noises = {}
    for layer in track(layers, "Measuring sensitivity"):
        graph, _ = quantize_static(observed, plain, names - {layer.name})
        noises[layer.name] = judge(graph).noise
    return noises
