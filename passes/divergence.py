"""How far a rewritten network's outputs are from the original's, on unlabelled data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
import scipy.special
from numpy.typing import NDArray

from ..runtime_check.session import Feeds
from .continued import Continued
from .statistics import batch_size

F32 = NDArray[np.float32]
Outputs = Mapping[str, NDArray[np.generic]]

_MATRIX = 2

_KEPT_BYTES = 1 << 29
"""What may be kept of a network's tensors, so that another begins where it differs."""


class Diverging:
    """How far networks that differ from another behind some tensor are from the original.

    Args:
        original: the network to compare with.
        batches: a few unlabelled images.
        common: what the networks share up to the tensor; by default the original.
    """

    def __init__(self, original: gs.Graph, batches: Sequence[Feeds], common: gs.Graph | None = None) -> None:
        self._original = original
        self._images = sum(map(batch_size, batches))
        self._references = list(Continued(original, batches, 0).finish(original))
        self._common = Continued(original if common is None else common, batches, _KEPT_BYTES)

    def compute(self, tensor: str) -> None:
        """Compute the common network up to `tensor`, behind the last one, so that what follows begins there."""
        for _ in self._common.run([tensor]):
            pass

    def of(self, graph: gs.Graph) -> float:
        """Mean divergence over the images of a network that is the common one as far as that is computed."""
        pairs = zip(self._references, self._common.finish(graph), strict=True)
        return sum(divergence(self._original, reference, outputs) for reference, outputs in pairs) / self._images


def divergence(graph: gs.Graph, reference: Outputs, outputs: Outputs) -> float:
    """Summed over images: KL divergence where an output is a classifier's, relative squared error otherwise.

    Args:
        graph: the graph whose outputs they are.
        reference: the original's outputs of one batch.
        outputs: the rewritten network's.
    """
    total = 0.0
    for tensor in graph.outputs:
        wanted, got = np.asarray(reference[tensor.name]), np.asarray(outputs[tensor.name])
        if not np.issubdtype(wanted.dtype, np.floating):
            continue
        flat = (wanted.reshape(len(wanted), -1).astype(np.float64), got.reshape(len(got), -1).astype(np.float64))
        if is_classifier(tensor, wanted):
            total += _kl(*(_log_probabilities(tensor, values) for values in flat))
        else:
            energy = np.square(flat[0]).sum(axis=1)
            total += float((np.square(flat[0] - flat[1]).sum(axis=1) / np.maximum(energy, 1e-12)).sum())
    return total


def is_classifier(tensor: gs.Tensor, values: NDArray[np.generic]) -> bool:
    """Whether an output is one distribution or one row of logits per image."""
    per_image = values.reshape(len(values), -1).shape[1] if len(values) else 0
    flat = values.ndim == _MATRIX or all(size == 1 for size in values.shape[2:])
    return flat and per_image > 1 and (_is_softmax(tensor) or values.ndim == _MATRIX)


def _is_softmax(tensor: gs.Tensor) -> bool:
    node = tensor.inputs[0] if tensor.inputs else None
    while node is not None and node.op in {"Reshape", "Flatten", "Identity", "Squeeze"}:
        node = node.inputs[0].inputs[0] if node.inputs[0].inputs else None
    return node is not None and node.op == "Softmax"


def _log_probabilities(tensor: gs.Tensor, values: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.log(np.maximum(values, 1e-12)) if _is_softmax(tensor) else scipy.special.log_softmax(values, axis=1)
    return np.asarray(logs)


def _kl(reference: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float((np.exp(reference) * (reference - other)).sum())
