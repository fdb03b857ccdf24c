"""Run one model or two over a dataset, once, and gather everything that follows from their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ModelError
from ..progress import track
from .accuracy import Accuracy, Agreement
from .data import Batch, Dataset, paired_batches
from .fidelity import FidelityMeter, OutputFidelity, check_finite
from .judge import Evaluation, Judge, Outputs
from .quality import Quality
from .session import Session
from .statistics import Difference
from .task import Task
from .worst import WorstMeter, WorstSample


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the outputs say.

    Attributes:
        fidelity: of the second model against the first, per output; empty for one model.
        accuracies: per model; None without labels or without an output of class scores.
        agreement: of the two models; None for one model, or without an output of class scores.
        task: what the models are for.
        output: the output that counts for the task.
        qualities: figures of tasks besides classification.
        differences: of accuracies or qualities, with confidence intervals; empty where either model has none.
        worst: the samples on which two models differ most.
        samples: how many were run.
    """

    fidelity: tuple[OutputFidelity, ...]
    accuracies: tuple[Accuracy | None, ...]
    agreement: Agreement | None
    task: Task
    output: str
    qualities: tuple[Quality, ...]
    differences: tuple[Difference, ...]
    worst: tuple[WorstSample, ...]
    samples: int


def compare(
    sessions: Sequence[Session],
    data: Sequence[Dataset],
    batch_size: int | None = None,
    evaluation: Evaluation | None = None,
) -> Comparison:
    """Stream data through one or two models.

    Args:
        sessions: the reference, and the model to judge.
        data: checked against the inputs of both; one dataset, or one for each model.
        batch_size: samples per run where the models leave it open.
        evaluation: what the models are for, and what that needs; None guesses.

    Raises:
        ModelError: the models have different outputs, or give NaN or infinite values.
        DataError: the data cannot be read, a label is out of range, or no output fits the task.
    """
    if len(sessions) == 2:
        _check_same_outputs(*sessions)
    meters = {name: FidelityMeter(name) for name in sessions[0].output_names}
    worst = WorstMeter(data[0].preprocessing)
    judge: Judge | None = None
    samples = 0
    steps = -(-len(data[0]) // data[0].batch_size(batch_size))
    for batches in track(paired_batches(data, len(sessions), batch_size), "running the models", steps):
        outputs = [_run(session, batch) for session, batch in zip(sessions, batches, strict=True)]
        judge = judge or Judge(evaluation or Evaluation(), outputs, data[0])
        samples += batches[0].size
        if len(outputs) == 2:
            _gather(meters, outputs, detection=judge.task == "detection")
        answers = judge.add(outputs, batches[0])
        if len(outputs) == 2:
            worst.add(batches[0], answers)
    assert judge is not None, "batches() raises where there are none"
    return Comparison(
        fidelity=tuple(meter.result() for meter in meters.values()) if len(sessions) == 2 else (),
        accuracies=judge.classes.accuracies(),
        agreement=judge.classes.agreement(),
        task=judge.task,
        output=judge.output,
        qualities=judge.qualities(),
        differences=judge.differences(),
        worst=worst.result(),
        samples=samples,
    )


def _check_same_outputs(a: Session, b: Session) -> None:
    if set(a.output_names) != set(b.output_names):
        raise ModelError(
            f"{a.name} has the outputs {', '.join(a.output_names)}, but {b.name} has {', '.join(b.output_names)}; "
            "only models with the same outputs can be compared"
        )


def _gather(meters: dict[str, FidelityMeter], outputs: Sequence[Outputs], *, detection: bool) -> None:
    """Compare the outputs; those of detectors that hold another number of boxes cannot be, and are left out."""
    for name, meter in list(meters.items()):
        if detection and outputs[0][name].shape != outputs[1][name].shape:
            del meters[name]
        else:
            meter.add(outputs[0][name], outputs[1][name])


def _run(session: Session, batch: Batch) -> Outputs:
    """The outputs for the real samples of the batch."""
    filled = len(next(iter(batch.inputs.values())))
    outputs = {
        name: value[: batch.size] if value.ndim and len(value) == filled else value
        for name, value in session.run(batch.inputs).items()
    }
    check_finite(session.name, outputs, batch.names)
    return outputs
