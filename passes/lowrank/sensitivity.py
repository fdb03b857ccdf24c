"""`--ranks sensitivity`: how much the network's output suffers from a layer's error, measured.

Niu et al.'s idea done cheaply (their own rule is `niu`): one layer at a time is cut to two ranks, and how far the
network's output diverges on unlabelled images, as a power of the error of the layer's own output, is its sensitivity.
What the budget then minimizes is the sum of the divergences that all layers' errors make expect. On GoogLeNet the
sensitivities span three orders of magnitude, which is why no rule that looks at weights alone comes near.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from ...progress import track
from ...runtime_check.session import Feeds
from ..divergence import Diverging
from ..layers import Layer
from ..made_up import shares_left
from ..options import Option, Ranks, keep
from ..statistics import Batches, Statistics, batch_size
from ..targets import Target
from .chain import alone, apply_chain
from .form import Chain, Form, Stage
from .pooled import PooledLayer
from .ranks import option, useful_ranks
from .registry import forms
from .regressed import RegressedPair, centred_moments, regress_layer

_SMALLEST_ERROR = 1e-5
"""Below it an error is rounding, and says nothing of its effect."""

_SMALLEST_DIVERGENCE = 1e-12
"""Outputs may be large against what the network adds to its input, as those of super-resolution are."""

_PLACES = (0.25, 0.5)
"""Where among the ranks of one form, from the cheapest to the dearest, a layer is measured."""

_PROBE_ROUNDS = 1
"""Alternations for a layer that is only measured: its divergence is put beside the error that it then has."""

_PROBED_MACS = 12e12
"""What all probes together would compute from the first layer on; from the cut layer on it is about half, in a minute
and a half. A large network is measured on fewer images."""

_LEAST_IMAGES = 16
_PROBED_IMAGES = 96
"""On this many images the divergence of the output is measured."""


Point = tuple[float, float]
"""The error of a layer's output, and how far the network's diverges for it."""


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """What an error of one layer's output does to the output of the network: scale * error ** exponent.

    Attributes:
        scale: divergence at an error of 1.
        exponent: from 1 to 2.
    """

    scale: float
    exponent: float

    def __call__(self, error: float) -> float:
        """The expected divergence of the network's output."""
        return self.scale * float(error**self.exponent)


@dataclass(frozen=True, slots=True)
class Probe:
    """A layer cut to one rank.

    Attributes:
        layer: the layer.
        curve: what the error and its effect are a point of (see `curve_of`).
        stages: what takes its place.
        chain: with these weights.
        error: the error of its output.
    """

    layer: Layer
    curve: str
    stages: Sequence[Stage]
    chain: Chain
    error: float


def sensitivity_options(
    graph: gs.Graph,
    choices: Sequence[tuple[Layer, Sequence[Form]]],
    statistics: Statistics,
    batches: Batches,
    target: Target,
) -> list[list[Option]]:
    """Every layer's options, their loss the measured sensitivity times the error; the first is to leave it alone."""
    offers, probes = regress(choices, statistics, target, _PLACES)
    curves = {name: fit_power(points) for name, points in measure_affordably(graph, probes, batches).items()}
    return with_losses(graph, offers, curves)


def with_losses(
    graph: gs.Graph, offers: Sequence[Sequence[Option]], curves: Mapping[str, PowerLaw]
) -> list[list[Option]]:
    """The options, the first of each layer to leave it alone, with the losses that their errors make expect.

    Args:
        graph: the network: what is left of a loss once the layers behind are fitted depends on where it stands.
        offers: of each layer, in the order of the network.
        curves: laws by curve (see `curve_of`).
    """
    lossy = []
    shares = shares_left(graph, [options[0].layer for options in offers])
    for kept, *others in offers:
        left = shares[kept.layer]
        lossy.append([kept, *(replace(o, loss=left * curves[curve_of(o.layer, o.form)](o.error)) for o in others)])
    return lossy


def curve_of(layer: str, form: str) -> str:
    """Which curve tells the loss of a form: the layer's, or one of its own where it is not fitted."""
    return layer if forms()[form].fitted else f"{layer}:{form}"


def regress(
    choices: Sequence[tuple[Layer, Sequence[Form]]], statistics: Statistics, target: Target, places: Sequence[float]
) -> tuple[list[list[Option]], list[Probe]]:
    """Every layer's options, their loss the error, and every layer cut in one form, and in each not fitted.

    The one form is that with the most ranks: what the errors of one or two do to the network says little of others.

    Args:
        choices: the layers, each with its forms.
        statistics: of the layers.
        target: the runtime that shall become faster.
        places: where among the ranks, from the cheapest at 0 to the dearest at 1, a layer is to be cut.
    """
    offers: list[list[Option]] = []
    probes: list[Probe] = []
    for layer, possible in track(choices, "Regressing layers"):
        offers.append([keep(layer, target)])
        ranks = {form.name: useful_ranks(form, layer, target) for form in possible}
        one = max((form.name for form in possible if form.fitted), key=lambda name: len(ranks[name]), default=None)
        known = centred_moments(layer, statistics[layer.name])
        for form in possible:
            probed = places if form.name == one else () if form.fitted else (0.0,)
            most = max(rank for rank, *_ in ranks[form.name])
            regressed = regress_layer(form, layer, statistics[layer.name], most, known)
            offered, made = _offer(form, layer, regressed, target, offered=ranks[form.name], places=probed)
            offers[-1].extend(offered)
            probes.extend(made)
    return offers, probes


def _offer(
    form: Form,
    layer: Layer,
    regressed: RegressedPair | PooledLayer,
    target: Target,
    *,
    offered: Sequence[Ranks],
    places: Sequence[float],
) -> tuple[list[Option], list[Probe]]:
    """The options of one layer in one form, and the layer cut for measuring."""
    pairs = zip(offered, regressed.errors(offered), strict=True)
    options = [option(form, layer, ranks, target, error=error, loss=error) for ranks, error in pairs]
    probed = sorted({offered[int(place * len(offered))] for place in places})
    return options, [_probe(form, layer, regressed, ranks) for ranks in probed]


def _probe(form: Form, layer: Layer, factorization: RegressedPair | PooledLayer, ranks: Ranks) -> Probe:
    curve, stages = curve_of(layer.name, form.name), form.stages(layer, ranks)
    if isinstance(factorization, PooledLayer):
        return Probe(layer, curve, stages, factorization.chain(ranks), factorization.errors([ranks])[0])
    fits = factorization.fits(ranks, _PROBE_ROUNDS)
    return Probe(layer, curve, stages, factorization.folded(fits), float(np.mean([f.error for f in fits])))


def measure_affordably(graph: gs.Graph, probes: Sequence[Probe], batches: Batches) -> Mapping[str, list[Point]]:
    """`measure` on as many of the first images as the size of the layers allows."""
    macs = sum({probe.layer.name: probe.layer.macs for probe in probes}.values())
    return measure(graph, probes, first_images(batches, affordable_images(macs, len(probes))))


def affordable_images(macs: int, probes: int) -> int:
    """How many images a network of so many multiply-accumulates is probed on."""
    return int(np.clip(_PROBED_MACS / max(macs * probes, 1), _LEAST_IMAGES, _PROBED_IMAGES))


def first_images(batches: Batches, images: int = _PROBED_IMAGES) -> list[Feeds]:
    """The first batches of the data, up to so many images."""
    taken: list[Feeds] = []
    for feeds in batches:
        if sum(map(batch_size, taken)) >= images:
            break
        taken.append(feeds)
    return taken


def measure(graph: gs.Graph, probes: Sequence[Probe], batches: Sequence[Feeds]) -> Mapping[str, list[Point]]:
    """By curve, the error of every probe's layer and the change of the network's output.

    Args:
        graph: the original network.
        probes: one or more for each layer.
        batches: a few unlabelled images.
    """
    order = {node.name: place for place, node in enumerate(graph.nodes)}
    by_layer: dict[str, list[Probe]] = {}
    for probe in sorted(probes, key=lambda probe: order[probe.layer.name]):
        by_layer.setdefault(probe.layer.name, []).append(probe)
    diverging = Diverging(graph, batches, [probe.layer.node.outputs[0].name for probe in probes])
    points: dict[str, list[Point]] = {}
    for together in track(list(by_layer.values()), "Measuring sensitivity"):
        diverged = diverging.of([_cut(graph, probe) for probe in together])
        for probe, divergence in zip(together, diverged, strict=True):
            points.setdefault(probe.curve, []).append((probe.error, divergence))
    return points


def fit_power(points: Sequence[Point]) -> PowerLaw:
    """The power law through the points measured, of an exponent from 1 to 2; through one point alone, a line.

    On real networks the divergence grows faster than the error: a line makes the small errors of most layers look two
    or three times dearer than they are, and those of the last layer not at all.
    """
    told = [point for point in points if point[0] > _SMALLEST_ERROR] or points
    errors, divergences = np.log(np.maximum(told, (_SMALLEST_ERROR, _SMALLEST_DIVERGENCE))).T
    spread = errors - errors.mean()
    steepness = float(spread @ divergences / max(float(spread @ spread), _SMALLEST_ERROR))
    exponent = float(np.clip(steepness, 1.0, 2.0))
    return PowerLaw(float(np.exp(divergences.mean() - exponent * errors.mean())), exponent)


def _cut(graph: gs.Graph, probe: Probe) -> gs.Graph:
    """The layer by itself, cut."""
    layer = alone(graph, probe.layer)
    apply_chain(layer, replace(probe.layer, node=layer.nodes[0]), probe.stages, probe.chain)
    return layer
