"""How much the network suffers when a layer has to do without some of the channels it reads, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs

from ...runtime_check.session import Feeds
from ..layers import Layer
from ..lowrank.form import Chain, Stage
from ..lowrank.sensitivity import PowerLaw, Probe, fit_power, measure
from .known import Known
from .nested import Nested

_ERRORS = (0.02, 0.1)
"""Of a layer's output, about which its effect is measured: channels are few, dead or alike in some layers."""


def layer_laws(
    graph: gs.Graph, layers: Sequence[Layer], known: Known, batches: Sequence[Feeds]
) -> Mapping[str, PowerLaw]:
    """What a relative error of each layer's output does to the network's, by name.

    Args:
        graph: the original network.
        layers: that read channels which may go.
        known: of them.
        batches: a few unlabelled images, those that were held out if any were.
    """
    probes = [probe for layer in layers for probe in _probes(layer, known)]
    return {name: fit_power(points) for name, points in measure(graph, probes, batches).items()}


def _probes(layer: Layer, known: Known) -> list[Probe]:
    """The layer with the weights of its least channels set to 0 and the others fitted anew."""
    channels = known.channels(layer)
    forms = known.forms(layer, np.arange(channels))
    gains = np.sum([form.gains() / (form.energy or 1.0) for form in forms], axis=0)
    nested = [Nested(form, np.argsort(-gains, kind="stable")) for form in forms]
    errors = np.mean([it.errors[1:] for it in nested], axis=0)
    logs = np.log(np.maximum(errors, np.finfo(np.float64).tiny))
    widths = sorted({int(np.abs(logs - np.log(error)).argmin()) + 1 for error in _ERRORS})
    return [_probe(layer, known, nested, width) for width in widths]


def _probe(layer: Layer, known: Known, nested: Sequence[Nested], width: int) -> Probe:
    kernels = [it.kernel(width) for it in nested]
    error = float(np.mean([it.errors[width] for it in nested]))
    wide = known.wide.get(layer.name)
    weight = np.concatenate(kernels) if wide is None else wide.scaled(kernels[0][0])
    weight = weight.reshape(layer.weight.shape).astype(np.float32)
    mean = known.statistics[layer.name].mean if wide is None else wide.mean[None]
    shift = (layer.weight - weight).reshape(layer.group, -1, mean.shape[1]) @ mean[:, :, None].astype(np.float32)
    bias = layer.bias  # a MatMul has none to change
    if layer.node.op != "MatMul":
        bias = np.asarray((0.0 if bias is None else bias) + shift.reshape(-1), dtype=np.float32)
    stage = Stage("", tuple(layer.weight.shape), layer.geometry)
    return Probe(layer, layer.name, [stage], Chain([weight], bias), error)
