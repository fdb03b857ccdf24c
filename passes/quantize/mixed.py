"""Mixed precision: the layers that stay float, so that the network's error holds a bound at the fewest milliseconds.

Each layer's sensitivity is the noise at the network's outputs when it alone is quantized. The noises of layers add up,
so that the budget solver of the house chooses: it minimizes milliseconds while the noise stays within the budget. What
comes out is quantized and measured; as long as it misses the bound, the budget shrinks by as much as was missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...progress import track
from ...runtime_check.fidelity import sqnr_db
from ...runtime_check.session import Feeds, Session
from ..budget import choose
from ..divergence import Outputs, is_classifier
from ..graph import to_parts
from ..layers import Layer
from ..options import KEEP, Option
from ..targets import find_target
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


@dataclass(frozen=True, slots=True)
class Bound:
    """What the quantized network must hold on calibration data; None where there is no bound.

    Attributes:
        min_sqnr: signal to quantization noise of the outputs in dB, mean over the images.
        max_drop: share of images in percent whose most likely class may change.
    """

    min_sqnr: float | None = None
    max_drop: float | None = None

    @property
    def given(self) -> bool:
        """Whether there is one."""
        return self.min_sqnr is not None or self.max_drop is not None


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far a quantized network is from the float one.

    Attributes:
        noise: squared error over squared signal of the outputs.
        sqnr_db: signal to quantization noise in dB, mean over the images.
        changed: percentage of images whose most likely class changed; 0 where no output is a classifier's.
    """

    noise: float
    sqnr_db: float
    changed: float

    def holds(self, bound: Bound) -> bool:
        """Whether the bound is kept."""
        sharp = bound.min_sqnr is None or self.sqnr_db >= bound.min_sqnr
        return sharp and (bound.max_drop is None or self.changed <= bound.max_drop)


class _Judge:
    """Measures fidelity on every third calibration batch, which `rest` does not have: fitted ones would flatter."""

    def __init__(self, observed: Observed) -> None:
        batches = observed.images
        self._images = batches[::3] if len(batches) > 2 else batches
        self.rest = observed
        if len(batches) > 2:
            self.rest = replace(observed, images=[one for number, one in enumerate(batches) if number % 3])
        self._graph = observed.graph
        self._reference = outputs_of(observed.graph, self._images)

    def __call__(self, graph: gs.Graph) -> Fidelity:
        return compare(self._graph, self._reference, outputs_of(graph, self._images))


def quantize_mixed(
    observed: Observed, settings: StaticSettings, bound: Bound
) -> tuple[gs.Graph, Placement, Mapping[str, float]]:
    """The quantized network that keeps `bound`, what is quantized in it, and every layer's noise.

    Raises:
        PlanishError: the bound cannot be kept with a single layer quantized.
    """
    judge = _Judge(observed)
    observed = judge.rest
    graph, placement = quantize_static(observed, settings)
    found = judge(graph)
    if found.holds(bound):
        return graph, placement, {}
    layers = [layer for layer in observed.layers if layer.name in {node.name for node in placement.layers}]
    noises = _sensitivities(observed, settings, layers, judge)
    options = [_options(layer, noises[layer.name]) for layer in layers]
    budget = sum(noises.values())
    for _ in range(_ROUNDS):
        budget *= _SLACK * _shortfall(found, bound)
        kept = {option.layer for option in choose(options, budget, lambda option: option.error) if option.form == KEEP}
        graph, placement = quantize_static(observed, settings, kept)
        found = judge(graph)
        if found.holds(bound) and placement.layers:
            return graph, placement, noises
    raise PlanishError(
        f"quantization cannot keep the bound: {found.sqnr_db:.1f} dB and {found.changed:.1f} % of the images changed "
        f"with {len(placement.layers)} of {len(layers)} layers in integers; relax --min-sqnr or --max-drop"
    )


def _shortfall(found: Fidelity, bound: Bound) -> float:
    """The noise that would do over the noise there is; a half where only classes tell."""
    factors = []
    if bound.min_sqnr is not None:
        factors.append(10 ** ((found.sqnr_db - bound.min_sqnr) / 10))
    if bound.max_drop is not None and found.changed > bound.max_drop:
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
    observed: Observed, settings: StaticSettings, layers: Sequence[Layer], judge: _Judge
) -> dict[str, float]:
    """The noise at the outputs with one layer quantized, by its name."""
    plain = replace(settings, repairs=FAST)
    names = {layer.name for layer in layers}
    noises = {}
    for layer in track(layers, "Measuring sensitivity"):
        graph, _ = quantize_static(observed, plain, names - {layer.name})
        noises[layer.name] = judge(graph).noise
    return noises


def outputs_of(graph: gs.Graph, images: Sequence[Feeds]) -> list[Outputs]:
    """The outputs of every batch."""
    session = Session(to_parts(graph).to_model(), optimizations="all")
    return [session.run(feeds) for feeds in images]


def compare(graph: gs.Graph, reference: Sequence[Outputs], outputs: Sequence[Outputs]) -> Fidelity:
    """How far `outputs` are from `reference`, batch by batch, over all outputs of real numbers."""
    signals, noises, changed = [], [], []
    for wanted, got in zip(reference, outputs, strict=True):
        for tensor in graph.outputs:
            a, b = np.asarray(wanted[tensor.name]), np.asarray(got[tensor.name])
            if not np.issubdtype(a.dtype, np.floating):
                continue
            flat, other = (values.reshape(len(values), -1).astype(np.float64) for values in (a, b))
            signals.extend(np.square(flat).sum(axis=1))
            noises.extend(np.square(flat - other).sum(axis=1))
            if is_classifier(tensor, a):
                changed.extend(flat.argmax(axis=1) != other.argmax(axis=1))
    ratios = [min(sqnr_db(float(s), float(n)), 200.0) for s, n in zip(signals, noises, strict=True) if s]
    return Fidelity(
        noise=float(sum(noises) / max(sum(signals), 1e-30)),
        sqnr_db=float(np.mean(ratios)) if ratios else 0.0,
        changed=100 * float(np.mean(changed)) if changed else 0.0,
    )
