"""How many weights of each layer are zero, one by one and in the structures that could be left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...errors import PlanishError
from ..graph import constant_values


@dataclass(frozen=True, slots=True)
class Zeros:
    """How many of something are zero.

    Attributes:
        count: that are.
        of: all of them.
    """

    count: int
    of: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class LayerSparsity:
    """The zeros of one layer with weights (N, C/G, kh, kw), or (N, C) of a product.

    Attributes:
        name: of the node.
        operator: its ONNX operator.
        filters: W[n], which `--pass shrink` removes where it can.
        channels: W[:, c], likewise.
        columns: W[:, c, i, j], the columns of the matrix (N, C * kh * kw) that im2col multiplies.
        rows: W[n, c, i], the rows of kernels; of a product, its elements.
        elements: single weights. No runtime here is faster for them.
    """

    name: str
    operator: str
    filters: Zeros
    channels: Zeros
    columns: Zeros
    rows: Zeros
    elements: Zeros


def sparsity(graph: gs.Graph, threshold: float = 0.0) -> list[LayerSparsity]:
    """The sparsity of all layers of `graph` with constant weights, in its order.

    Args:
        graph: the network.
        threshold: up to this magnitude a weight counts as 0.

    Raises:
        PlanishError: the threshold is no number of at least 0.
    """
    if not 0 <= threshold < float("inf"):
        raise PlanishError(f"--threshold {threshold:g}: a magnitude of weights must be 0 or more")
    return [_sparsity(node, np.abs(weight) <= threshold) for node, weight in _weights(graph)]


def _weights(graph: gs.Graph) -> Iterator[tuple[gs.Node, NDArray[np.generic]]]:
    """Layers and their weights, filters first and channels second."""
    for node in graph.nodes:
        if node.op not in {"Conv", "ConvTranspose", "Gemm", "MatMul"} or len(node.inputs) < 2:
            continue
        weight = constant_values(node.inputs[1])
        if weight is None or weight.ndim < 2 or weight.dtype.kind != "f":
            continue
        as_stored = node.op == "Conv" or (node.op == "Gemm" and node.attrs.get("transB", 0))
        yield node, weight if as_stored else np.swapaxes(weight, 0, 1)


def _sparsity(node: gs.Node, zero: NDArray[np.bool_]) -> LayerSparsity:
    inner = tuple(range(2, zero.ndim))
    return LayerSparsity(
        name=node.name,
        operator=node.op,
        filters=_zeros(zero.all(axis=(1, *inner))),
        channels=_zeros(zero.all(axis=(0, *inner))),
        columns=_zeros(zero.all(axis=0)),
        rows=_zeros(zero.all(axis=-1) if inner else zero),
        elements=_zeros(zero),
    )


def _zeros(zero: NDArray[np.bool_] | np.bool_) -> Zeros:
    return Zeros(int(zero.sum()), int(zero.size))
