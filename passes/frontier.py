"""Stream data through a network that is rewritten layer by layer, without computing anything twice.

What no unfinished layer stands before does not change any more. The tensors on its edge, which the rest of the network
reads, are kept on disk for every batch, and the next layers are computed from there. A network of L layers costs one
pass instead of L/2.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..runtime_check.session import Session
from .graph import to_parts
from .sampling import F32, quicken
from .statistics import Batches

_Files = dict[str, Path]


class Frontier:
    """The edge of what is finished, for every batch.

    Args:
        graph: the network; its unfinished layers may be replaced between two streams, nothing before them.
        batches: the data, the same at every iteration.
        limit: bytes that may be kept on disk; an edge that is larger is computed again from an earlier one.
    """

    def __init__(self, graph: gs.Graph, batches: Batches, limit: int) -> None:
        self._graph, self._batches, self._limit = graph, batches, limit
        self._inputs = {tensor.name for tensor in graph.inputs}
        self._folder = Path(tempfile.mkdtemp(prefix="planish-frontier-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._edge: dict[str, np.dtype[np.generic]] = {}
        self._files: list[_Files] = []
        self._generation = 0

    def stream(self, wanted: Collection[str], unfinished: Collection[str]) -> Iterator[dict[str, F32]]:
        """The tensors `wanted` of every batch, and move the edge up to the layers `unfinished`.

        Args:
            wanted: names of tensors that no unfinished layer stands before.
            unfinished: names of the nodes that are still to be replaced.
        """
        if not wanted:
            yield from ({} for _ in self._batches)
            return
        edge = [name for name in _edge(self._graph, unfinished) if name not in self._inputs]
        computed = [name for name in dict.fromkeys([*wanted, *edge]) if not self._has(name)]
        session = self._open(computed) if computed else None
        keeper = None if set(edge) <= self._edge.keys() else _Keeper(self._folder, self._generation, self._limit)
        for number, feeds in enumerate(self._batches):
            known = {**feeds, **({} if not self._files else _load(self._files[number]))}
            tensors = known if session is None else {**known, **session.run(known)}
            yield {name: np.asarray(tensors[name]) for name in wanted}
            if keeper is not None:
                keeper.add({name: np.asarray(tensors[name]) for name in edge})
        if keeper is not None and keeper.fits:
            self._replace(keeper)

    def _has(self, name: str) -> bool:
        return name in self._inputs or name in self._edge

    def _replace(self, keeper: _Keeper) -> None:
        for path in (path for files in self._files for path in files.values()):
            path.unlink(missing_ok=True)
        self._files, self._edge = keeper.files, keeper.types
        self._generation += 1

    def _open(self, outputs: Sequence[str]) -> Session:
        """What computes `outputs` from the edge and the network's inputs."""
        part = self._graph.copy()
        tensors = part.tensors()
        for name, dtype in self._edge.items():
            tensor = tensors[name]
            tensor.inputs.clear()
            tensor.dtype = dtype
            part.inputs.append(tensor)
        part.outputs = [tensors[name] for name in outputs]
        part.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=True).toposort()
        quicken(part)
        return Session(to_parts(part).to_model(), optimizations="all")


class _Keeper:
    """Writes the edge of every batch, until it has become too large."""

    def __init__(self, folder: Path, generation: int, limit: int) -> None:
        self._folder, self._generation, self._left = folder, generation, limit
        self.files: list[_Files] = []
        self.types: dict[str, np.dtype[np.generic]] = {}

    @property
    def fits(self) -> bool:
        """Whether everything was written."""
        return self._left >= 0

    def add(self, tensors: dict[str, NDArray[np.generic]]) -> None:
        """Write one batch."""
        self._left -= sum(array.nbytes for array in tensors.values())
        if not self.fits:
            self._remove()
            return
        files = {}
        for index, (name, array) in enumerate(tensors.items()):
            files[name] = self._folder / f"{self._generation}-{len(self.files)}-{index}.npy"
            np.save(files[name], array)
            self.types[name] = array.dtype
        self.files.append(files)

    def _remove(self) -> None:
        for path in (path for files in self.files for path in files.values()):
            path.unlink(missing_ok=True)
        self.files.clear()


def _load(files: _Files) -> dict[str, NDArray[np.generic]]:
    return {name: np.load(path, mmap_mode="r") for name, path in files.items()}


def _edge(graph: gs.Graph, unfinished: Collection[str]) -> list[str]:
    """Names of the tensors that nodes behind the finished part read from it."""
    pending = [node for node in graph.nodes if node.name in unfinished]
    behind = {id(node) for node in pending}
    nodes = list(pending)
    while pending:
        for consumer in (consumer for tensor in pending.pop().outputs for consumer in tensor.outputs):
            if id(consumer) not in behind:
                behind.add(id(consumer))
                pending.append(consumer)
                nodes.append(consumer)
    read = (tensor for node in nodes for tensor in node.inputs if isinstance(tensor, gs.Variable) and tensor.name)
    return list(dict.fromkeys(t.name for t in read if not any(id(maker) in behind for maker in t.inputs)))
