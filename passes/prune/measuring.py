"""What calibration data says about the layers that read channels which may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from ..cache import Entry
from ..lowrank.sensitivity import PowerLaw, first_images
from ..projection import is_wide
from ..remember import remembered
from ..statistics import Batches, Sampling, Statistics, gather
from .known import Known
from .network import Network
from .sensitivity import layer_laws
from .wide import gather_wide

_PROBED_IMAGES = 48
"""On this many images sensitivities are measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What calibration data says.

    Attributes:
        known: of the layers.
        laws: what the errors of the layers that read channels which may go do to the network, by name.
    """

    known: Known
    laws: Mapping[str, PowerLaw]

    @property
    def statistics(self) -> Statistics:
        """Of all layers that can be fitted, by name."""
        return self.known.statistics


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
    statistics = gather(network.graph, list(network.layers.values()), batches, sampling, projected=True)
    readers = {port.node.name: port.atoms for group in network.groups for port in group.consumers}
    layers = [network.layers[name] for name in readers]
    wide = {layer.name: (layer, network.coupling.roots(readers[layer.name])) for layer in layers if is_wide(layer)}
    known = Known(statistics, gather_wide(network.graph, wide, batches, sampling))
    if not probed:
        return Measured(known, dict.fromkeys(readers, PowerLaw(1.0, 1.0)))
    images = first_images(batches, _PROBED_IMAGES)
    entry = remembered(
        sampling,
        network.graph,
        batches,
        ["laws of channels", list(readers)],
        lambda: Entry(_facts(layer_laws(network.graph, layers, known, images))),
    )
    return Measured(known, {name: PowerLaw(*law) for name, law in entry.facts.items()})


def _facts(laws: Mapping[str, PowerLaw]) -> dict[str, tuple[float, ...]]:
    return {name: astuple(law) for name, law in laws.items()}
