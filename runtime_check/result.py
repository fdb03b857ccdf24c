"""What a check found: values only, ready for tables, JSON, gates and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .accuracy import Accuracy, Agreement
from .fidelity import OutputFidelity
from .gates import Gate
from .latency import Latency
from .layers import DIFFERENT_DB, LayerFidelity
from .profile import NodeTime
from .quality import Quality
from .runtimes import RuntimeRow
from .session import Optimizations
from .stages import Stage
from .statistics import Difference
from .task import Task
from .worst import WorstSample


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model as it lies there.

    Attributes:
        name: its path, or its graph's name.
        macs: multiply-accumulates per sample.
        params: elements of its weights.
        weight_bytes: their size.
        file_bytes: size of the file or the serialized model, external data included.
        accuracy: on the data, if that is labelled.
        preprocessing: what images went through before this model, as JSON; None if nothing was said.
    """

    name: str
    macs: int
    params: int
    weight_bytes: int
    file_bytes: int
    accuracy: Accuracy | None
    preprocessing: str | None


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the models were run on.

    Attributes:
        description: the file's or folder's name, or that the input is random.
        is_random: whether the input was made up.
        samples: how many were run.
        skipped: why samples were left out, by name.
    """

    description: str
    is_random: bool
    samples: int
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that was found.

    Attributes:
        models: one, or the reference and the model to judge.
        data: what they were run on.
        optimizations: of onnxruntime, for fidelity and accuracy.
        task: what the models are for.
        task_guessed: whether that was guessed from the outputs.
        output: the output that counts for the task.
        qualities: figures of tasks besides classification.
        fidelity: of the second model's outputs; empty for one model.
        layers: of all tensors that both models have; empty for one model, or if it was not asked for.
        deployed: of the last model's outputs with onnxruntime's optimizations on against off, on a few samples.
        agreement: of two classifiers.
        worst: the samples on which two models differ most.
        differences: of the accuracies, with confidence intervals.
        latencies: one for every number of threads and every batch size asked for; the first is the one that counts.
        stages: what both models do to come to each tensor that both have, with MACs, parameters and, if it was asked
            for, time.
        nodes: of each model, the nodes that onnxruntime really ran, with their times; empty if it was not asked for.
        runtimes: the models in other runtimes, if any were asked for.
        gates: the thresholds that were set.
        provenance: versions, machine, command and hashes, by name.
    """

    models: tuple[ModelFacts, ...]
    data: DataFacts
    optimizations: Optimizations
    task: Task
    task_guessed: bool
    output: str
    qualities: tuple[Quality, ...]
    fidelity: tuple[OutputFidelity, ...]
    layers: tuple[LayerFidelity, ...]
    first_different: LayerFidelity | None
    deployed: tuple[OutputFidelity, ...]
    agreement: Agreement | None
    worst: tuple[WorstSample, ...]
    differences: tuple[Difference, ...]
    latencies: tuple[Latency, ...]
    stages: tuple[Stage, ...]
    nodes: tuple[tuple[NodeTime, ...], ...]
    runtimes: tuple[RuntimeRow, ...]
    gates: tuple[Gate, ...]
    provenance: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether no gate failed."""
        return all(gate.passed for gate in self.gates)

    @property
    def latency(self) -> Latency | None:
        """The one that counts; None if it was not measured."""
        return self.latencies[0] if self.latencies else None

    @property
    def differs_when_deployed(self) -> bool:
        """Whether onnxruntime's optimizations change the last model's outputs by more than rounding."""
        return any(output.sqnr_db < DIFFERENT_DB for output in self.deployed)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the fields by name, infinite values as the string 'Infinity'."""
        document = asdict(self) | {"passed": self.passed}
        for entry, difference in zip(document["differences"], self.differences, strict=True):
            entry["verdict"] = difference.verdict
        finite: dict[str, Any] = _finite(document)
        return finite


def _finite(value: Any) -> Any:
    """JSON has no infinity: the SQNR of equal outputs becomes 'Infinity', a string that JavaScript and Python read."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return f"{'-' * (value < 0)}Infinity" if isinstance(value, float) and math.isinf(value) else value


def figures(
    models: tuple[ModelFacts, ...],
    fidelity: tuple[OutputFidelity, ...],
    layers: tuple[LayerFidelity, ...],
    agreement: Agreement | None,
    latency: Latency | None,
) -> dict[str, float | None]:
    """What thresholds can be set on, by their names."""
    first, last = models[0], models[-1]
    found: dict[str, float | None] = {"min_top1": last.accuracy.top1 if last.accuracy else None}
    if len(models) == 1:
        return found
    if first.accuracy and last.accuracy:
        found["max_top1_drop"] = first.accuracy.top1 - last.accuracy.top1
        if first.accuracy.top5 is not None and last.accuracy.top5 is not None:
            found["max_top5_drop"] = first.accuracy.top5 - last.accuracy.top5
    if agreement:
        found |= {"min_agreement": agreement.top1, "max_kl": agreement.kl}
    if latency and latency.speedup:
        found["min_speedup"] = latency.speedup.median
    if layers:
        found["min_layer_sqnr"] = min(layer.sqnr_db for layer in layers)
    return found | {
        "min_mac_ratio": first.macs / last.macs if last.macs else math.inf,
        "min_size_ratio": first.weight_bytes / last.weight_bytes if last.weight_bytes else math.inf,
        "max_abs_error": max(output.max_abs for output in fidelity),
        "max_relative_error": max(output.relative for output in fidelity),
        "min_cosine": min(output.cosine for output in fidelity),
        "min_sqnr": min(output.sqnr_db for output in fidelity),
    }
