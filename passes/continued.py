"""Runs a network piece by piece over the same data while its layers are being changed, first to last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..runtime_check.session import Feeds, Session
from .graph import tensors_read, to_parts
from .sampling import portions, quicken
from .statistics import Batches

Values = dict[str, NDArray[np.generic]]
"""Tensors of one batch by name."""


class Continued:
    """Computes tensors of a graph for all batches, beginning where the last call ended.

    What later pieces read is kept between calls while it fits the memory allowed; else the next call begins where
    this one did. Fitting a deep network layer by layer so takes about one run, not as many as it has layers.

    Args:
        graph: the graph, whose nodes may change as long as no call has computed anything from them.
        batches: the data, the same at every iteration.
        memory: bytes that may be kept.
    """

    def __init__(self, graph: gs.Graph, batches: Batches, memory: int) -> None:
        self._graph, self._batches = graph, batches
        self._memory = memory // 2  # while one piece is computed, what was kept of the last is still there
        self._done: set[str] = set()
        self._kept: list[Values] = []

    def run(self, tensors: Sequence[str]) -> Iterator[Values]:
        """For every batch the named tensors; the generator is to be exhausted before the next call."""
        for values in self.advance(tensors):
            yield {name: values[name] for name in tensors}

    def advance(self, tensors: Sequence[str]) -> Iterator[Values]:
        """As `run`, and with them the inputs and all else that nodes behind them read."""
        done = self._done | self._fresh(tensors)
        needed = self._read_later(done)
        stored = self._stored()
        wanted = (needed | set(tensors)) - {tensor.name for tensor in (*stored, *self._graph.inputs)}
        session = open_piece(self._graph, sorted(wanted), stored, for_long=True)
        kept: list[Values] = []
        taken = 0
        for number, feeds in enumerate(self._portions()):
            known = {**feeds, **(self._kept[number] if self._kept else {})}
            computed: Mapping[str, NDArray[np.generic]] = {} if session is None else session.run(known)
            values = {**known, **computed}
            yield values
            if taken <= self._memory:
                kept.append({name: values[name] for name in needed})
                taken += sum(value.nbytes for value in kept[-1].values())
            else:
                kept.clear()
        if taken <= self._memory:
            self._done, self._kept = done, kept

    def frontier(self, tensors: Sequence[str]) -> set[str]:
        """Names of the tensors that are read behind `tensors`, and of the outputs that are made before."""
        done = self._fresh(tensors)
        made = {tensor.name for node in self._graph.nodes if node.name in done for tensor in node.outputs}
        return self._read_later(done) | ({tensor.name for tensor in self._graph.outputs} & made)

    def _portions(self) -> Iterator[Feeds]:
        for feeds in self._batches:
            yield from portions(self._graph, feeds)

    def _stored(self) -> list[gs.Variable]:
        """What is kept, with the sizes that are the same in all batches."""
        stored = []
        for name, value in self._kept[0].items() if self._kept else ():
            shapes = {kept[name].shape[1:] for kept in self._kept}
            shape = (None, *shapes.pop()) if len(shapes) == 1 and value.ndim else None
            stored.append(gs.Variable(name, value.dtype, shape))
        return stored

    def _fresh(self, tensors: Sequence[str]) -> set[str]:
        """Names of the nodes that are still to be computed for `tensors`."""
        producers = {tensor.name: node for node in self._graph.nodes for tensor in node.outputs}
        found: set[str] = set()
        waiting = list(tensors)
        while waiting:
            node = producers.get(waiting.pop())
            if node is not None and node.name not in found | self._done:
                found.add(node.name)
                waiting.extend(tensors_read(node))
        return found

    def _read_later(self, done: set[str]) -> set[str]:
        """Names of the tensors that nodes in `done` make and others read."""
        made = {tensor.name for node in self._graph.nodes if node.name in done for tensor in node.outputs}
        return {
            name
            for node in self._graph.nodes
            if node.name not in done and node.op != "Constant"
            for name in tensors_read(node)
            if name in made
        }


def open_piece(
    graph: gs.Graph, outputs: Sequence[str], given: Iterable[gs.Variable], *, for_long: bool = False
) -> Session | None:
    """Computes `outputs` of `graph` from its inputs and what is given; None where nothing is asked for.

    Args:
        graph: the graph.
        outputs: names of tensors.
        given: with the names of tensors of the graph or not, their type, and shape where that is known.
        for_long: whether many images will be computed (see `quicken`).
    """
    if not outputs:
        return None
    part = graph.copy()
    tensors = part.tensors()
    taken = [tensor for tensor in given if tensor.name in tensors]
    for tensor in taken:
        tensors[tensor.name].inputs.clear()
        tensors[tensor.name].dtype, tensors[tensor.name].shape = tensor.dtype, tensor.shape
    inputs = {tensor.name for tensor in part.inputs}
    part.inputs = [*part.inputs, *(tensors[tensor.name] for tensor in taken if tensor.name not in inputs)]
    part.outputs = [tensors[name] for name in outputs]
    part.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=True).toposort()
    quicken(part, for_long=for_long)
    return Session(to_parts(part), optimizations="all")
