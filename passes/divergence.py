"""How far a rewritten network's outputs are from the original's, on unlabelled data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
import scipy.special
from numpy.typing import NDArray

from ..runtime_check.session import Feeds, Session
from .continued import Continued, Values, open_piece
from .graph import to_parts
from .sampling import quicken
from .statistics import batch_size

Outputs = Mapping[str, NDArray[np.generic]]

_MATRIX = 2

_MIDDLE, _END = "middle", "end"
"""Of a network: from the changed layer to what the nodes behind all layers read, and those nodes."""

_KEPT_BYTES = 1 << 29
"""What may be kept of a network's tensors, so that another begins where it differs."""


class Diverging:
    """How far networks that differ from another in one layer are from the original.

    Args:
        original: the network to compare with.
        batches: a few unlabelled images.
        changing: outputs of the layers that will be changed; what comes behind all of them is opened only once.
        common: what the networks share but for the layer; by default the original.
    """

    def __init__(
        self,
        original: gs.Graph,
        batches: Sequence[Feeds],
        changing: Sequence[str],
        common: gs.Graph | None = None,
    ) -> None:
        self._original, self._batches = original, batches
        self._names = [tensor.name for tensor in original.outputs]
        self._images = sum(map(batch_size, batches))
        self._references = list(Continued(original, batches, 0).run(self._names))
        self._quick = (original if common is None else common).copy()
        quicken(self._quick, for_long=True)
        self._common = Continued(self._quick, batches, _KEPT_BYTES)
        self._waist = sorted(self._common.frontier(changing))
        self._pieces: dict[str, Session | None] = {}

    def of_common(self) -> float:
        """Mean divergence over the images of the common network."""
        pairs = zip(self._references, Continued(self._quick, self._batches, 0).run(self._names), strict=True)
        return sum(divergence(self._original, reference, outputs) for reference, outputs in pairs) / self._images

    def of(self, changed: Sequence[gs.Graph]) -> list[float]:
        """Mean divergences of the common network with each of `changed` in the place of the same layer.

        Args:
            changed: each makes the layer's output of its input. Up to there the common network is computed once for
                all, from where the last call ended, which must not be behind it.
        """
        sessions = [Session(to_parts(layer), optimizations="all") for layer in changed]
        totals = [0.0] * len(changed)
        source = changed[0].inputs[0].name
        self._pieces.pop(_MIDDLE, None)
        for reference, known in zip(self._references, self._common.advance([source]), strict=True):
            for index, session in enumerate(sessions):
                outputs = self._completed({**known, **session.run(known)})
                totals[index] += divergence(self._original, reference, outputs)
        return [total / self._images for total in totals]

    def _completed(self, values: Values) -> Values:
        """With the outputs of the common network that these tensors make."""
        for stage, wanted in ((_MIDDLE, self._waist), (_END, self._names)):
            if stage not in self._pieces:
                given = [gs.Variable(name, value.dtype) for name, value in values.items()]
                self._pieces[stage] = open_piece(self._quick, [name for name in wanted if name not in values], given)
            piece = self._pieces[stage]
            if piece is not None:
                values = {**values, **piece.run(values)}
        return values


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
