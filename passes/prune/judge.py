"""What a rewritten network is worth beside the original, on data that it was not fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...errors import DataError
from ...runtime_check.accuracy import ClassMeter, class_scores
from ...runtime_check.session import Session
from ..calibration import Calibration
from ..graph import to_parts
from ..sampling import quicken

Outputs = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a network is worth.

    Attributes:
        top1: accuracy in percent; None without labels or classes.
        top5: likewise.
        agreement: share of samples that get the original's class, in percent; None without classes.
        sqnr_db: squared norm of the original's outputs over that of the difference, in dB; infinite for itself.
    """

    top1: float | None
    top5: float | None
    agreement: float | None
    sqnr_db: float


class Judge:
    """Compares networks with one original.

    Args:
        graph: the original.
        data: to compare on, with or without labels.

    Raises:
        DataError: the data does not fit the graph, or is empty.
    """

    def __init__(self, graph: gs.Graph, data: Calibration) -> None:
        self._data = data
        session = _open(graph)
        self._references = [session.run(batch.feeds) for batch in data.batches()]
        if not self._references:
            raise DataError(f"{data.dataset.description}: holds nothing to compare on")
        self._classes = next((name for name, v in self._references[0].items() if class_scores(v) is not None), None)

    def judge(self, graph: gs.Graph) -> Verdict:
        """The verdict on a network with the original's inputs and outputs."""
        session = _open(graph)
        meter = ClassMeter(2, self._data.dataset.description)
        energy = noise = 0.0
        for batch, reference in zip(self._data.batches(), self._references, strict=True):
            outputs = session.run(batch.feeds)
            for name, wanted in reference.items():
                kept = np.asarray(wanted[: batch.size], dtype=np.float64)
                energy += float(np.square(kept).sum())
                noise += float(np.square(kept - np.asarray(outputs[name][: batch.size], dtype=np.float64)).sum())
            if self._classes is not None:
                scores = [_scores(values, self._classes, batch.size) for values in (reference, outputs)]
                meter.add(scores, batch.labels)
        sqnr_db = 10 * np.log10(energy / noise) if noise else np.inf
        accuracy = meter.accuracies()[1]
        agreement = meter.agreement()
        return Verdict(
            top1=None if accuracy is None else accuracy.top1,
            top5=None if accuracy is None else accuracy.top5,
            agreement=None if agreement is None else agreement.top1,
            sqnr_db=float(sqnr_db),
        )


def _scores(outputs: Outputs, name: str, size: int) -> NDArray[np.generic]:
    scores = class_scores(outputs[name][:size])
    if scores is None:
        raise DataError(f"output '{name}' is one score per class in some batches and not in others")
    return scores


def _open(graph: gs.Graph) -> Session:
    copy = graph.copy()
    quicken(copy)
    return Session(to_parts(copy), optimizations="all")
