"""Layers that read the channels of several groups, as behind a Concat: what all of these lose makes one error.

A channel that goes is made up for by those that stay, of other groups too. Where these go as well, the error is more
than the sum of those that each group brings about alone, and the network suffers more than in proportion: on GoogLeNet
at 1.5 the sum told 0.15 nats for widths that cost 0.24.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from ..lowrank.sensitivity import PowerLaw
from .channels import Coupling
from .elimination import Elimination
from .groups import Group
from .measuring import Measured

Classes = NDArray[np.intp]


def shared_names(groups: Sequence[Group]) -> set[str]:
    """Names of the layers that read channels of several groups."""
    readers = Counter(name for group in groups for name in {port.node.name for port in group.consumers})
    return {name for name, count in readers.items() if count > 1}


@dataclass(frozen=True, slots=True)
class _Reader:
    """One such layer.

    Attributes:
        parts: one for each convolution group; a class is a channel.
        law: what its error does to the network.
        classes: (C,) by index of a group, which of its classes each channel is; -1 for channels of others.
    """

    parts: Sequence[Elimination]
    law: PowerLaw
    classes: Mapping[int, Classes]

    def growth(self, group: int, gone: Classes) -> float:
        """What the network suffers more without these classes of a group."""
        channels = self._channels(group, gone)
        errors = np.array([[part.error, part.growth(channels)] for part in self.parts]).mean(axis=0)
        return self.law(errors.sum()) - self.law(errors[0])

    def drop(self, group: int, gone: Classes) -> None:
        channels = self._channels(group, gone)
        for part in self.parts:
            part.drop(channels)

    def _channels(self, group: int, gone: Classes) -> Classes:
        return np.flatnonzero(np.isin(self.classes[group], gone))


class SharedReaders:
    """All such layers of a network while channels go.

    Args:
        names: of the layers.
        groups: whose channels may go.
        coupling: that they were found in.
        layers: by name.
        measured: what is known of them.
    """

    def __init__(
        self,
        names: Collection[str],
        groups: Sequence[Group],
        coupling: Coupling,
        *,
        layers: Mapping[str, Layer],
        measured: Measured,
    ) -> None:
        self._of_group: dict[int, list[_Reader]] = {}
        ports = {port.node.name: port for group in groups for port in group.consumers if port.node.name in names}
        for name, port in ports.items():
            layer = layers[name]
            wide = measured.known.wide.get(name)
            atoms = port.atoms if wide is None else port.atoms[wide.first]
            found = {index: group.indices(coupling, atoms) for index, group in enumerate(groups)}
            forms = measured.known.forms(layer, np.arange(measured.known.channels(layer)))
            classes = {index: own for index, own in found.items() if (own >= 0).any()}
            reader = _Reader([Elimination(form) for form in forms], measured.laws[name], classes)
            for index in classes:
                self._of_group.setdefault(index, []).append(reader)

    def growth(self, group: int, gone: Classes) -> float:
        """What the network suffers more without these classes of a group."""
        return sum(reader.growth(group, gone) for reader in self._of_group.get(group, ()))

    def drop(self, group: int, gone: Classes) -> None:
        """Let these classes of a group go."""
        for reader in self._of_group.get(group, ()):
            reader.drop(group, gone)

    def neighbours(self, group: int) -> set[int]:
        """Indices of the groups that share a reader with this one, itself included."""
        return {group}.union(*(reader.classes for reader in self._of_group.get(group, ())))
