"""Which channels of which tensors stand and fall together.

Every channel of a tensor is an atom. Operators that treat channels one by one hand their atoms on; operators in which
channels of two tensors meet unite them; operators that mix channels end them and begin new ones. What is not
understood pins the atoms it reads: they stay. (The idea of dependency groups is that of Fang et al., *DepGraph: towards
any structural pruning*, 2023.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.cost import Shape
from ..graph import constant_values

Atoms = NDArray[np.int64]
"""(C,) the atom of each channel."""

Kept = NDArray[np.bool_]
"""(C,) whether each channel stays."""


class NotFollowedError(Exception):
    """An operator that pruning does not follow; its message is the reason, for reports."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a tensor.

    Attributes:
        axis: on which they lie.
        atoms: of each of them.
    """

    axis: int
    atoms: Atoms


@dataclass(frozen=True, slots=True)
class Cut:
    """A constant that loses what belongs to channels that go.

    Attributes:
        node: that has the constant as an input.
        index: of the input.
        axis: of the constant.
        atoms: (size of the axis,).
    """

    node: gs.Node
    index: int
    axis: int
    atoms: Atoms


@dataclass(frozen=True, slots=True)
class Literal:
    """A number in the graph, an attribute or part of a constant, that depends on how many channels stay.

    Attributes:
        atoms: of the channels that it counts.
        write: puts in what follows from which of them stay.
    """

    atoms: Atoms
    write: Callable[[Kept], None]


@dataclass(frozen=True, slots=True)
class Port:
    """Where channels begin or end: a node whose weights make or mix them.

    Attributes:
        node: the node.
        atoms: of the channels that it makes, or that it reads (of a grouped convolution, those of one group).
    """

    node: gs.Node
    atoms: Atoms


@dataclass(slots=True)
class Coupling:
    """What a walk over a graph found out.

    Attributes:
        graph: the graph.
        shapes: of its tensors.
        samplers: names of Gather nodes whose outputs begin channels of their own (see `samplers`).
        channels: by tensor name; tensors that are missing are not followed.
        cuts: the constants that depend on channels.
        literals: the numbers that do.
        producers: where channels begin.
        consumers: where they end.
        pinned: reasons to keep an atom, by atom.
    """

    graph: gs.Graph
    shapes: Mapping[str, Shape]
    samplers: Collection[str] = ()
    channels: dict[str, Channels] = field(default_factory=dict)
    cuts: list[Cut] = field(default_factory=list)
    literals: list[Literal] = field(default_factory=list)
    producers: list[Port] = field(default_factory=list)
    consumers: list[Port] = field(default_factory=list)
    pinned: dict[int, str] = field(default_factory=dict)
    _parents: list[int] = field(default_factory=list)
    _resolved: Atoms | None = None

    def new(self, count: int) -> Atoms:
        """Atoms that are coupled with nothing yet."""
        first, self._resolved = len(self._parents), None
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count)

    def root(self, atom: int) -> int:
        """The atom that stands for all that `atom` is coupled with."""
        while self._parents[atom] != atom:
            self._parents[atom] = self._parents[self._parents[atom]]
            atom = self._parents[atom]
        return atom

    def roots(self, atoms: Atoms) -> Atoms:
        """`root` of each."""
        if self._resolved is None:
            resolved = np.array(self._parents, dtype=np.int64)
            while not np.array_equal(resolved, resolved[resolved]):
                resolved = resolved[resolved]
            self._resolved = resolved
        found: Atoms = self._resolved[atoms]
        return found

    def unite(self, first: Atoms, second: Atoms) -> None:
        """Couple the atoms pair by pair."""
        self._resolved = None
        for one, other in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
            roots = sorted((self.root(one), self.root(other)))
            self._parents[roots[1]] = roots[0]

    def tie_rows(self, atoms: Atoms) -> Atoms:
        """Couple the rows of (R, C) atoms with each other, column by column; returns the first row (C,)."""
        for row in atoms[1:]:
            self.unite(atoms[0], row)
        first: Atoms = atoms[0]
        return first

    def pin(self, atoms: Atoms, reason: str) -> None:
        """Keep the channels of `atoms` whatever happens."""
        for atom in atoms.tolist():
            self.pinned.setdefault(atom, reason)

    def of(self, tensor: gs.Tensor) -> Channels | None:
        """The channels of a tensor; None where they are not followed."""
        return self.channels.get(tensor.name)

    def on_axis(self, tensor: gs.Tensor, axis: int) -> Atoms | None:
        """The atoms of a tensor whose channels lie on `axis`; None where they are not followed.

        Raises:
            NotFollowedError: they lie on another axis.
        """
        found = self.of(tensor)
        if found is None:
            return None
        if found.axis != axis:
            raise NotFollowedError(f"its channels lie on axis {found.axis}, not {axis}")
        return found.atoms

    def hand_on(self, tensor: gs.Tensor, axis: int, atoms: Atoms) -> None:
        """Say what the channels of a node's output are."""
        self.channels[tensor.name] = Channels(axis, atoms)

    def shape(self, tensor: gs.Tensor) -> tuple[int, ...]:
        """The shape of a tensor at batch 1.

        Raises:
            NotFollowedError: it is not known.
        """
        values = constant_values(tensor)
        if values is not None:
            return tuple(int(size) for size in values.shape)
        shape = self.shapes.get(tensor.name)
        known = tuple(size for size in shape or () if size is not None)
        if shape is None or len(known) != len(shape):
            raise NotFollowedError(f"the shape of '{tensor.name}' is not known")
        return known

    def constant(self, node: gs.Node, index: int, what: str) -> NDArray[np.generic]:
        """The values of a constant input.

        Raises:
            NotFollowedError: it is computed.
        """
        values = constant_values(node.inputs[index]) if index < len(node.inputs) else None
        if values is None:
            raise NotFollowedError(f"its {what} are not constant")
        return values
