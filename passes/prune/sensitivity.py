"""How much the network suffers when a layer has to do without some of the channels it reads, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.session import Feeds
from ..layers import Layer
from ..lowrank.form import Chain, Stage
from ..lowrank.sensitivity import Probe, sensitivities
from ..statistics import LayerStatistics, Statistics
from .criterion import best
from .quadratic import F64, Quadratic, quadratics

_SHARE = 0.6
"""Of its channels, that a layer keeps while its sensitivity is measured."""


def layer_sensitivities(
    graph: gs.Graph, layers: Sequence[Layer], statistics: Statistics, batches: Sequence[Feeds]
) -> Mapping[str, float]:
    """Divergence of the network's output over the relative error of each layer, by name.

    Args:
        graph: the original network.
        layers: that read channels which may go.
        statistics: of them.
        batches: a few unlabelled images.
    """
    probes = [_probe(layer, statistics[layer.name]) for layer in layers]
    return sensitivities(graph, probes, batches)


def _probe(layer: Layer, statistics: LayerStatistics) -> Probe:
    """The layer with the weights of its least channels set to 0 and the others fitted anew."""
    channels = int(layer.weight.shape[1])
    forms = quadratics(layer, statistics, np.arange(channels))
    gains = np.sum([np.diag(form.contributions(channels)) for form in forms], axis=0)
    kept = best(gains, max(1, round(_SHARE * channels)))
    kernels, errors = zip(*(_without(form, kept) for form in forms), strict=True)
    weight = np.concatenate(kernels).reshape(layer.weight.shape).astype(np.float32)
    shift = (layer.weight - weight).reshape(layer.group, -1, statistics.mean.shape[1]).astype(
        np.float64
    ) @ statistics.mean[:, :, None]
    bias = layer.bias  # a MatMul has none to change
    if layer.node.op != "MatMul":
        bias = np.asarray((0.0 if bias is None else bias) + shift.reshape(-1), dtype=np.float32)
    stage = Stage("", tuple(layer.weight.shape), layer.geometry)
    return Probe(layer, [stage], Chain([weight], bias), float(np.mean(errors)))


def _without(form: Quadratic, kept: NDArray[np.bool_]) -> tuple[F64, float]:
    kernel = np.zeros_like(form.kernel)
    kernel[:, form.columns(kept)], error = form.refitted(kept)
    return kernel, error
