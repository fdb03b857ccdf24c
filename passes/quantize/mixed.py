"""Mixed precision: the layers that stay float, so that the network's error holds a bound at the fewest milliseconds.

Each layer's sensitivity is the noise at the network's outputs when it alone is quantized. The noises of layers add up,
so that the budget solver of the house chooses: it minimizes milliseconds while the noise stays within the budget. What
comes out is quantized and measured: where it misses the bound, the budget shrinks by as much as was missed; then it is
halved between what missed and what held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
    search = _Search(sum(noises.values()))
    search.missed(search.too_much, found, bound)
    best, closest, integer = None, found, len(layers)
    for _ in range(_ROUNDS):
        chosen = choose(options, search.budget, lambda option: option.error)
        kept = {option.layer for option in chosen if option.form == KEEP}
        graph, placement = quantize_static(observed, settings, kept)
        if placement.layers and not (found := judge(graph)).holds(bound):
            closest, integer = found, len(placement.layers)
            search.missed(search.budget, found, bound)
            continue
        best = (graph, placement, noises) if placement.layers else best
        search.held()
    if best is not None:
        return best
    lost = "" if closest.drop is None else f", {closest.drop}"
    raise PlanishError(
        f"quantization cannot keep the bound: with {integer} of {len(layers)} layers in integers there are "
        f"{closest.sqnr_db:.1f} dB{lost}; relax --min-sqnr or --max-drop"
    )


@dataclass(slots=True)
class _Search:
    """For the largest budget of noise that keeps the bound.

    Attributes:
        too_much: the least budget that is known to miss it.
        enough: the largest that is known to keep it.
        budget: to be tried next.
    """

    too_much: float
    enough: float = 0.0
    budget: float = 0.0

    def missed(self, budget: float, found: Fidelity, bound: Bound) -> None:
        """A budget was too large: go on in the middle, or where noise that adds up as predicted would do."""
        self.too_much = budget
        middle = (self.enough + budget) / 2
        self.budget = middle if self.enough else budget * _SLACK * _shortfall(found, bound)

    def held(self) -> None:
        """The budget was small enough."""
        self.enough = self.budget
        self.budget = (self.enough + self.too_much) / 2


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
