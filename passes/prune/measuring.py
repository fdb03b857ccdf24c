"""What calibration data says about the layers that read channels which may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from ..cache import Entry
from ..layers import Layer
from ..lowrank.sensitivity import PowerLaw, first_images
from ..remember import remembered
from ..statistics import Batches, Sampling, Statistics, gather
from .network import Network
from .sensitivity import layer_laws

_PROBED_IMAGES = 64
"""On this many images sensitivities are measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What calibration data says.

    Attributes:
        statistics: of the layers.
        laws: what the errors of the layers that read channels which may go do to the network, by name.
    """

    statistics: Statistics
    laws: Mapping[str, PowerLaw]


def measure(network: Network, batches: Batches, sampling: Sampling, *, probed: bool = True) -> Measured:
    """Gather statistics and measure sensitivities.

    Args:
        network: the original.
        batches: unlabelled images.
        sampling: how they are sampled.
        probed: whether sensitivities are measured; otherwise every error counts as it is.

    Raises:
        DataError: the calibration data does not fit the network.
    """
    fittable = [layer for layer in network.layers.values() if not _is_channelwise(layer)]
    statistics = gather(network.graph, fittable, batches, sampling)
    readers = dict.fromkeys(port.node.name for group in network.groups for port in group.consumers)
    if not probed:
        return Measured(statistics, dict.fromkeys(readers, PowerLaw(1.0, 1.0)))
    layers = [network.layers[name] for name in readers]
    images = first_images(batches, _PROBED_IMAGES)
    entry = remembered(
        sampling,
        network.graph,
        batches,
        ["laws of channels", list(readers)],
        lambda: Entry({n: astuple(law) for n, law in layer_laws(network.graph, layers, statistics, images).items()}),
    )
    return Measured(statistics, {name: PowerLaw(*law) for name, law in entry.facts.items()})


def _is_channelwise(layer: Layer) -> bool:
    """Whether it has more groups than channels in a group, so that channels go through it (see `operators.layers`)."""
    return layer.group > int(layer.weight.shape[1])
