"""What the solver decides about: the widths of a group, or the forms of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FORM = "prune"
"""The form of a group's options in plans."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The widths that a group can take, or the forms that a layer can.

    Attributes:
        name: of the group, or of the layer and what is decided about it.
        widths: ascending; the last is to leave it alone. Of a layer's forms, 1000 times their share of its cost.
        losses: what the network suffers if nothing else is taken; 0 at the last.
        alone: the part of it that adds to whatever else is taken: not that of layers which read several groups.
        shared: names of those layers.
    """

    name: str
    widths: Sequence[int]
    losses: Sequence[float]
    alone: Sequence[float]
    shared: Sequence[str] = ()
