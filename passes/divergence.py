"""How far a rewritten network's outputs are from the original's, on unlabelled data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_graphsurgeon as gs
import scipy.special
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Outputs = Mapping[str, NDArray[np.generic]]

_MATRIX = 2


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
