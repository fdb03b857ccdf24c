"""Run one model or two over a dataset, once, and gather everything that follows from their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..errors import DataError, ModelError
from ..progress import track
from .accuracy import Accuracy, Agreement, ClassMeter, class_scores
from .data import Batch, Dataset, paired_batches
from .embedding import EmbeddingMeter
from .fidelity import FidelityMeter, OutputFidelity, check_finite
from .image_quality import ImageMeter
from .quality import Quality
from .session import Session
from .statistics import Difference
from .task import Task, find_output, guess_task, peak_of
from .worst import WorstMeter, WorstSample

Outputs = dict[str, NDArray[Any]]


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
    sessions: Sequence[Session], data: Sequence[Dataset], batch_size: int | None = None, task: Task | None = None
) -> Comparison:
    """Stream data through one or two models.

    Args:
        sessions: the reference, and the model to judge.
        data: checked against the inputs of both; one dataset, or one for each model.
        batch_size: samples per run where the models leave it open.
        task: what the models are for; None guesses.

    Raises:
        ModelError: the models have different outputs, or give NaN or infinite values.
        DataError: the data cannot be read, a label is out of range, or no output fits the task.
    """
    if len(sessions) == 2:
        _check_same_outputs(*sessions)
    meters = {name: FidelityMeter(name) for name in sessions[0].output_names}
    worst = WorstMeter(data[0].preprocessing)
    judge: _Judge | None = None
    samples = 0
    steps = -(-len(data[0]) // data[0].batch_size(batch_size))
    for batches in track(paired_batches(data, len(sessions), batch_size), "running the models", steps):
        outputs = [_run(session, batch) for session, batch in zip(sessions, batches, strict=True)]
        judge = judge or _Judge(task, outputs, data[0])
        samples += batches[0].size
        if len(outputs) == 2:
            for name, meter in meters.items():
                meter.add(outputs[0][name], outputs[1][name])
            a, b = (output[judge.output] for output in outputs)
            worst.add(batches[0], a, b, classes=judge.task == "classification")
        judge.add(outputs, batches[0])
    assert judge is not None, "batches() raises where there are none"
    return Comparison(
        fidelity=tuple(meter.result() for meter in meters.values()) if len(sessions) == 2 else (),
        accuracies=judge.classes.accuracies(),
        agreement=judge.classes.agreement(),
        task=judge.task,
        output=judge.output,
        qualities=(*judge.images.qualities(), *judge.embeddings.qualities()),
        differences=(*judge.classes.differences(), *judge.images.differences(), *judge.embeddings.differences()),
        worst=worst.result(),
        samples=samples,
    )


class _Judge:
    """The meters of all tasks; only those of the models' task are given anything.

    Args:
        task: as the caller says; None guesses.
        outputs: of the first batch.
        data: for its name.
    """

    def __init__(self, task: Task | None, outputs: Sequence[Outputs], data: Dataset) -> None:
        self.task, self.output = guess_task(outputs[0]) if task is None else (task, next(iter(outputs[0])))
        if task is not None and task != "none":
            found = find_output(task, outputs[0])
            if found is None:
                shapes = ", ".join(f"{name} {value.shape}" for name, value in outputs[0].items())
                raise DataError(f"--task {task}: none of the outputs fits: {shapes}; give another task, or none")
            self.output = found
        self.classes = ClassMeter(len(outputs), data.description)
        self.embeddings = EmbeddingMeter(len(outputs))
        self.images = ImageMeter(len(outputs), peak_of(outputs[0][self.output]))

    def add(self, outputs: Sequence[Outputs], batch: Batch) -> None:
        """Take in one batch."""
        judged = [output[self.output] for output in outputs]
        if self.task == "image":
            self.images.add(judged, batch.targets)
        elif self.task != "none":
            meter = self.classes if self.task == "classification" else self.embeddings
            meter.add([_scores(value, self.output) for value in judged], batch.labels)


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


def _scores(value: NDArray[Any], name: str) -> NDArray[Any]:
    scores = class_scores(value)
    if scores is None:
        raise ModelError(f"output '{name}': vectors in one batch and {value.shape} in another")
    return scores
