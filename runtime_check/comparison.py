"""Run one model or two over a dataset, once, and gather everything that follows from their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..progress import track
from .accuracy import Accuracy, Agreement, ClassMeter, class_scores
from .data import Batch, Dataset, paired_batches
from .fidelity import FidelityMeter, OutputFidelity, check_finite
from .session import Session
from .statistics import Difference
from .worst import WorstMeter, WorstSample

Outputs = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the outputs say.

    Attributes:
        fidelity: of the second model against the first, per output; empty for one model.
        accuracies: per model; None without labels or without an output of class scores.
        agreement: of the two models; None for one model, or without an output of class scores.
        scores_output: the output that was taken for class scores, if any.
        differences: of the accuracies, with confidence intervals; empty where either model has none.
        worst: the samples on which two models differ most.
        samples: how many were run.
    """

    fidelity: tuple[OutputFidelity, ...]
    accuracies: tuple[Accuracy | None, ...]
    agreement: Agreement | None
    scores_output: str | None
    differences: tuple[Difference, ...]
    worst: tuple[WorstSample, ...]
    samples: int


def compare(sessions: Sequence[Session], data: Sequence[Dataset], batch_size: int | None = None) -> Comparison:
    """Stream data through one or two models.

    Args:
        sessions: the reference, and the model to judge.
        data: checked against the inputs of both; one dataset, or one for each model.
        batch_size: samples per run where the models leave it open.

    Raises:
        ModelError: the models have different outputs, or give NaN or infinite values.
        DataError: the data cannot be read, or a label is out of range.
    """
    if len(sessions) == 2:
        _check_same_outputs(*sessions)
    meters = {name: FidelityMeter(name) for name in sessions[0].output_names}
    classes = ClassMeter(len(sessions), data[0].description)
    worst = WorstMeter(data[0].preprocessing)
    scores_output: str | None = None
    samples = 0
    steps = -(-len(data[0]) // data[0].batch_size(batch_size))
    for batches in track(paired_batches(data, len(sessions), batch_size), "running the models", steps):
        outputs = [_run(session, batch) for session, batch in zip(sessions, batches, strict=True)]
        if not samples:
            scores_output = _find_scores(outputs[0])
        samples += batches[0].size
        if len(outputs) == 2:
            for name, meter in meters.items():
                meter.add(outputs[0][name], outputs[1][name])
            judged = scores_output or sessions[0].output_names[0]
            worst.add(batches[0], outputs[0][judged], outputs[1][judged], classes=scores_output is not None)
        if scores_output is not None:
            classes.add([_scores(output, scores_output) for output in outputs], batches[0].labels)
    return Comparison(
        fidelity=tuple(meter.result() for meter in meters.values()) if len(sessions) == 2 else (),
        accuracies=classes.accuracies(),
        agreement=classes.agreement(),
        scores_output=scores_output,
        differences=classes.differences(),
        worst=worst.result(),
        samples=samples,
    )


def _check_same_outputs(a: Session, b: Session) -> None:
    if set(a.output_names) != set(b.output_names):
        raise ModelError(
            f"{a.name} has the outputs {', '.join(a.output_names)}, but {b.name} has {', '.join(b.output_names)}; "
            "only models with the same outputs can be compared"
        )


def _run(session: Session, batch: Batch) -> Outputs:
    """The outputs for the real samples of the batch."""
    filled = len(next(iter(batch.inputs.values())))
    outputs = {
        name: value[: batch.size] if value.ndim and len(value) == filled else value
        for name, value in session.run(batch.inputs).items()
    }
    check_finite(session.name, outputs, batch.names)
    return outputs


def _find_scores(outputs: Outputs) -> str | None:
    """The last output that can be class scores: heads for training stand before it."""
    return next((name for name in reversed(outputs) if class_scores(outputs[name]) is not None), None)


def _scores(outputs: Outputs, name: str) -> NDArray[Any]:
    scores = class_scores(outputs[name])
    if scores is None:
        raise ModelError(f"output '{name}': class scores in one batch and {np.shape(outputs[name])} in another")
    return scores
