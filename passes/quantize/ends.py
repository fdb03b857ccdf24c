"""`--float-ends`: first and last layers stay float where their noise weighs more than their time.

Rules of thumb leave the first and the last layer float always. Here each is quantized alone, and its share of the noise
of the whole is compared with its share of the predicted milliseconds: on the networks of `benchmarks/quantize.py` first
convolutions make 13 to 52 % of the noise in 1 to 4 % of the time. It is no default, because numbers that a float layer
makes are not kept away from ties (see `ties`): runtimes then agree no better than their rounding lets them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..targets import find_target
from .judge import Judge
from .placement import final_layers, place
from .reconstruct import FAST
from .static import Observed, StaticSettings, quantize_static

_WORTH = 4.0
"""Share of the noise over share of the milliseconds from which a layer stays float."""


def sensitive_ends(
    observed: Observed, settings: StaticSettings, kept: Collection[str], judge: Judge, noise: float
) -> dict[str, float]:
    """The first and last layers that are to stay float, by name with their share of the noise.

    Args:
        observed: the float network and its data.
        settings: how it is quantized.
        kept: layers that stay float in any case.
        judge: measures the noise at the outputs.
        noise: with all other layers quantized.
    """
    graph = observed.graph
    placement = place(graph, observed.macs, kept=kept, quantize_outputs=settings.quantize_outputs)
    integer = {node.name for node in placement.layers}
    first = {node.name for tensor in graph.inputs for node in tensor.outputs}
    ends = integer & (first | {node.name for node in final_layers(graph.outputs)})
    target, plain = find_target(), replace(settings, repairs=FAST)
    ms = {layer.name: target.layer_ms(layer) for layer in observed.layers}
    total = sum(ms.values())
    found = {}
    for name in sorted(ends):
        alone, _ = quantize_static(observed, plain, {*ms, *kept} - {name})
        share = judge(alone).noise / max(noise, 1e-30)
        if share > _WORTH * ms[name] / total:
            found[name] = share
    return found
