"""Runs a network piece by piece over the same data while its layers are being changed, first to last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..runtime_check.session import Session
from .graph import tensors_read, to_parts
from .sampling import quicken
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
        done = self._done | self._fresh(tensors)
        needed = self._read_later(done)
        stored = set(self._kept[0]) if self._kept else set()
        session = self._session(self._graph, sorted((needed | set(tensors)) - stored - self._inputs()), stored)
        kept: list[Values] = []
        taken = 0
        for number, feeds in enumerate(self._batches):
            known = {**feeds, **(self._kept[number] if self._kept else {})}
            computed: Mapping[str, NDArray[np.generic]] = {} if session is None else session.run(known)
            values = {**known, **computed}
            yield {name: values[name] for name in tensors}
            if taken <= self._memory:
                kept.append({name: values[name] for name in needed})
                taken += sum(value.nbytes for value in kept[-1].values())
            else:
                kept.clear()
        if taken <= self._memory:
            self._done, self._kept = done, kept

    def finish(self, graph: gs.Graph) -> Iterator[Mapping[str, NDArray[np.generic]]]:
        """For every batch the outputs of `graph`, which may differ from this one in what is not computed yet."""
        stored = set(self._kept[0]) if self._kept else set()
        session = self._session(graph, [tensor.name for tensor in graph.outputs], stored)
        for number, feeds in enumerate(self._batches):
            yield {} if session is None else session.run({**feeds, **(self._kept[number] if self._kept else {})})

    def _inputs(self) -> set[str]:
        return {tensor.name for tensor in self._graph.inputs}

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

    def _session(self, graph: gs.Graph, outputs: Sequence[str], stored: set[str]) -> Session | None:
        """Computes `outputs` of `graph` from its inputs and what is stored."""
        if not outputs:
            return None
        part = graph.copy()
        tensors = part.tensors()
        for name in stored:
            tensors[name].inputs.clear()
            tensors[name].dtype = self._kept[0][name].dtype
        part.inputs = [*part.inputs, *(tensors[name] for name in sorted(stored))]
        part.outputs = [tensors[name] for name in outputs]
        part.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=True).toposort()
        quicken(part)
        return Session(to_parts(part), optimizations="all")
