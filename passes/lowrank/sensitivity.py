"""`--ranks sensitivity`: how much the network's output suffers from a layer's error, measured.

Niu et al., *Reduced-rank sensitivity*, 2017, done cheaply: one layer at a time is cut to two ranks, and the divergence
of the network's output on unlabelled images, divided by the layer's own error, is its sensitivity a. What the budget
then minimizes is the sum of a times the error over all layers. On GoogLeNet the sensitivities span three orders of
magnitude, which is why no rule that looks at weights alone comes near.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...progress import track
from ...runtime_check.session import Feeds, Session
from ..divergence import Outputs, divergence
from ..graph import to_parts
from ..layers import Layer
from ..options import Option, Ranks, keep
from ..sampling import quicken
from ..statistics import Batches, LayerStatistics, Statistics, batch_size
from ..targets import Target
from .chain import apply_chain
from .form import Chain, Stage
from .pair import Pair
from .ranks import option, useful_ranks
from .regressed import RegressedPair

_SMALLEST_ERROR = 1e-6

_PROBED_IMAGES = 96
"""On this many images the divergence of the output is measured."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A layer cut to one rank.

    Attributes:
        layer: the layer.
        stages: what takes its place.
        chain: with these weights.
        error: the error of its output.
    """

    layer: Layer
    stages: Sequence[Stage]
    chain: Chain
    error: float


def sensitivity_options(
    graph: gs.Graph,
    choices: Sequence[tuple[Layer, Sequence[Pair]]],
    statistics: Statistics,
    batches: Batches,
    target: Target,
) -> list[list[Option]]:
    """Every layer's options, their loss the measured sensitivity times the error; the first is to leave it alone."""
    offers: list[list[Option]] = []
    probes: list[Probe] = []
    for layer, forms in track(choices, "Regressing layers"):
        offered, made = _regressed(layer, forms, statistics[layer.name], target)
        offers.append([keep(layer, target), *offered])
        probes.extend(made)
    measured = sensitivities(graph, probes, first_images(batches))
    return [[replace(o, loss=measured[o.layer] * o.error) for o in options] for options in offers]


def _regressed(
    layer: Layer, forms: Sequence[Pair], statistics: LayerStatistics, target: Target
) -> tuple[list[Option], list[Probe]]:
    """The options of one layer in all its forms, and it cut in the first of them."""
    options: list[Option] = []
    probes: list[Probe] = []
    for form in forms:
        offered = useful_ranks(form, layer, target)
        factorization = RegressedPair(form, layer, statistics, max(ranks[0] for ranks in offered))
        pairs = zip(offered, factorization.errors(offered), strict=True)
        options.extend(option(form, layer, ranks, target, error=error, loss=error) for ranks, error in pairs)
        if not probes:
            probes = [_probe(form, layer, factorization, ranks) for ranks in _probed_ranks(offered)]
    return options, probes


def _probed_ranks(offered: Sequence[Ranks]) -> list[Ranks]:
    return sorted({offered[len(offered) // 4], offered[len(offered) // 2]})


def _probe(form: Pair, layer: Layer, factorization: RegressedPair, ranks: Ranks) -> Probe:
    fits = factorization.fits(ranks)
    return Probe(layer, form.stages(layer, ranks), factorization.folded(fits), float(np.mean([f.error for f in fits])))


def first_images(batches: Batches, images: int = _PROBED_IMAGES) -> list[Feeds]:
    """The first batches of the data, up to so many images."""
    taken: list[Feeds] = []
    for feeds in batches:
        if sum(map(batch_size, taken)) >= images:
            break
        taken.append(feeds)
    return taken


def sensitivities(graph: gs.Graph, probes: Sequence[Probe], batches: Sequence[Feeds]) -> Mapping[str, float]:
    """A of every probed layer, by name.

    Args:
        graph: the original network.
        probes: one or more for each layer.
        batches: a few unlabelled images.
    """
    graph = graph.copy()
    quicken(graph)
    session = Session(to_parts(graph).to_model(), optimizations="all")
    references = [session.run(feeds) for feeds in batches]
    points: dict[str, list[tuple[float, float]]] = {}
    for probe in track(probes, "Measuring sensitivity"):
        diverged = _divergence(graph, probe, batches, references)
        points.setdefault(probe.layer.name, []).append((probe.error, diverged))
    return {name: _slope(*np.array(measured).T) for name, measured in points.items()}


def _slope(errors: NDArray[np.float64], divergences: NDArray[np.float64]) -> float:
    """Of the line through the origin that fits divergence over error best."""
    return float(errors @ divergences / max(float(errors @ errors), _SMALLEST_ERROR**2))


def _divergence(graph: gs.Graph, probe: Probe, batches: Sequence[Feeds], references: Sequence[Outputs]) -> float:
    """Mean divergence of the output with the layer cut."""
    changed = graph.copy()
    node = next(node for node in changed.nodes if node.name == probe.layer.name)
    apply_chain(changed, replace(probe.layer, node=node), probe.stages, probe.chain)
    session = Session(to_parts(changed).to_model(), optimizations="all")
    images = sum(batch_size(feeds) for feeds in batches)
    pairs = zip(batches, references, strict=True)
    return sum(divergence(graph, reference, session.run(feeds)) for feeds, reference in pairs) / images
