"""What calibration data says about the layers that read channels which may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..cache import Entry
from ..layers import Layer
from ..lowrank.sensitivity import first_images
from ..remember import remembered
from ..statistics import Batches, Sampling, Statistics, gather
from .network import Network
from .sensitivity import layer_sensitivities

_PROBED_IMAGES = 64
"""On this many images sensitivities are measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What calibration data says.

    Attributes:
        statistics: of the layers.
        sensitivities: of the layers that read channels which may go, by name.
    """

    statistics: Statistics
    sensitivities: Mapping[str, float]


def measure(network: Network, batches: Batches, sampling: Sampling, *, probed: bool = True) -> Measured:
    """Gather statistics and measure sensitivities.

    Args:
        network: the original.
        batches: unlabelled images.
        sampling: how they are sampled.
        probed: whether sensitivities are measured; otherwise all are 1.

    Raises:
        DataError: the calibration data does not fit the network.
    """
    fittable = [layer for layer in network.layers.values() if not _is_channelwise(layer)]
    statistics = gather(network.graph, fittable, batches, sampling)
    readers = dict.fromkeys(port.node.name for group in network.groups for port in group.consumers)
    if not probed:
        return Measured(statistics, dict.fromkeys(readers, 1.0))
    layers = [network.layers[name] for name in readers]
    images = first_images(batches, _PROBED_IMAGES)
    entry = remembered(
        sampling,
        network.graph,
        batches,
        ["channel sensitivities", list(readers)],
        lambda: Entry(dict(layer_sensitivities(network.graph, layers, statistics, images))),
    )
    return Measured(statistics, entry.facts)


def _is_channelwise(layer: Layer) -> bool:
    """Whether it has more groups than channels in a group, so that channels go through it (see `operators.layers`)."""
    return layer.group > int(layer.weight.shape[1])
