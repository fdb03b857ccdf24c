"""What becomes of the groups of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .decision import Offer
from .network import Network
from .offers import Selections
from .price import Widths

Offers = Sequence[tuple[Offer, Selections]]
"""For each group its widths, and which classes stay at each."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of each group.

    Attributes:
        network: whose groups they are.
        offers: of each.
        chosen: index of the width that each takes.
    """

    network: Network
    offers: Offers
    chosen: Widths

    def loss(self) -> float:
        """What the network suffers."""
        return sum(offer.losses[width] for (offer, _), width in zip(self.offers, self.chosen, strict=True))

    def narrowed(self) -> dict[str, NDArray[np.bool_]]:
        """Which classes stay, of the groups that lose some, by name."""
        triples = zip(self.network.groups, self.offers, self.chosen, strict=True)
        kept = {group.name: selections[width] for group, (_, selections), width in triples}
        return {name: mask for name, mask in kept.items() if not mask.all()}

    def removed_from(self, network: Network) -> set[int]:
        """The roots of the channels that go, in a network that has these groups, whatever others it has."""
        narrowed = self.narrowed()
        removed: set[int] = set()
        for group in network.groups:
            if group.name in narrowed:
                removed.update(group.classes[~narrowed[group.name]].tolist())
        return removed


def removed_by(network: Network, offers: Offers, chosen: Widths) -> set[int]:
    """The roots of the channels that a choice of widths takes out; choices beyond the groups' are not looked at."""
    return Decided(network, offers, chosen[: len(offers)]).removed_from(network)
