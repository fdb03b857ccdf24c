"""The decisions there are: groups of layers whose numbers of channels depend on each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .channels import Atoms, Coupling, Port


@dataclass(frozen=True, slots=True)
class Group:
    """Channels that are chosen from together.

    What can be chosen is a class: channels, one or more in each tensor, that stand and fall together.

    Attributes:
        name: of the node that makes its channels first.
        classes: (K,) the atom that stands for each class that may go.
        protected: why no class may go; None where some may.
        producers: the layers that make its channels.
        consumers: the layers that read them.
        class_of: index of the class by atom root, -1 for those that stay.
    """

    name: str
    classes: Atoms
    protected: str | None
    producers: Sequence[Port]
    consumers: Sequence[Port]
    class_of: Mapping[int, int]

    @property
    def size(self) -> int:
        """K."""
        return len(self.classes)

    def indices(self, coupling: Coupling, atoms: Atoms) -> NDArray[np.intp]:
        """(C,) the class of each atom; -1 for atoms of other groups and those that stay."""
        return np.array([self.class_of.get(root, -1) for root in coupling.roots(atoms).tolist()], dtype=np.intp)


def find_groups(coupling: Coupling) -> list[Group]:
    """The groups in the order in which their channels begin."""
    owner = _owners(coupling)
    pinned = {coupling.root(atom): reason for atom, reason in coupling.pinned.items()}
    members: dict[int, dict[int, None]] = {}
    producers: dict[int, list[Port]] = {}
    consumers: dict[int, list[Port]] = {}
    for port in coupling.producers:
        roots = coupling.roots(port.atoms).tolist()
        members.setdefault(owner[roots[0]], {}).update(dict.fromkeys(roots))
        producers.setdefault(owner[roots[0]], []).append(port)
    for port in coupling.consumers:
        for group in {owner[root]: None for root in coupling.roots(port.atoms).tolist() if root in owner}:
            consumers.setdefault(group, []).append(port)
    return [_group(list(members[group]), producers[group], consumers.get(group, []), pinned) for group in members]


def _owners(coupling: Coupling) -> dict[int, int]:
    """The root that stands for the group, by class root: classes of one producer are of one group."""
    parents: dict[int, int] = {}

    def find(root: int) -> int:
        while parents.setdefault(root, root) != root:
            root = parents[root]
        return root

    for port in coupling.producers:
        roots = coupling.roots(port.atoms).tolist()
        for root in roots:
            first, other = find(roots[0]), find(root)
            parents[max(first, other)] = min(first, other)
    return {root: find(root) for root in parents}


def _group(roots: list[int], producers: list[Port], consumers: list[Port], pinned: Mapping[int, str]) -> Group:
    free = [root for root in roots if root not in pinned]
    reason = None
    if not free:
        reason = pinned[roots[0]]
    elif len(free) == 1:
        reason = "it is a single channel, or all its channels are coupled"
    elif not consumers:
        reason = "no layer reads it that could be fitted again"
    return Group(
        name=producers[0].node.name,
        classes=np.array(free, dtype=np.int64),
        protected=reason,
        producers=producers,
        consumers=consumers,
        class_of={root: index for index, root in enumerate(free)},
    )


def spare_one(kept: NDArray[np.bool_], parts: Iterable[NDArray[np.intp]]) -> None:
    """No tensor may lose all its channels: where one of `parts`, from `whole_parts`, would, its first class stays."""
    for part in parts:
        if not kept[part].any():
            kept[part[0]] = True


def whole_parts(group: Group, coupling: Coupling) -> list[NDArray[np.intp]]:
    """The sets of classes that are all that some tensor has of the group, and all that it has."""
    found = {}
    for channels in coupling.channels.values():
        classes = group.indices(coupling, channels.atoms)
        own = np.unique(classes[classes >= 0])
        if len(own) and (classes >= 0).all():
            found[own.tobytes()] = own
    return list(found.values())
