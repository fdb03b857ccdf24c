"""What a check found: values only, ready for tables, JSON, gates and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .accuracy import Accuracy, Agreement
from .fidelity import OutputFidelity
from .footprint import Footprint
from .gates import Gate
from .latency import Latency
from .layers import DIFFERENT_DB, LayerFidelity
from .layout import Layout
from .planned import PlannedLayer
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
        layer_threshold_db: SQNR under which a tensor counts as different.
        first_different: the layer where the models part; None if they do not.
        deployed: of the last model's outputs with onnxruntime's optimizations on against off, on a few samples.
        agreement: of two classifiers.
        worst: the samples on which two models differ most.
        differences: of the accuracies, with confidence intervals.
        latencies: one for every number of threads and every batch size asked for; the first is the one that counts.
        footprints: of each model, time to load and memory; empty if it was not asked for.
        stages: what both models do to come to each tensor that both have, with MACs, parameters and, if it was asked
            for, time.
        nodes: of each model, the nodes that onnxruntime really ran, with their times; empty if it was not asked for.
        layouts: of each model, how onnxruntime lays its nodes out; empty if it was not asked for.
        runtimes: the models in other runtimes, if any were asked for.
        plan: what was done to the first model's layers, if that is known.
        class_names: what the classes are called, if that is known.
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
    layer_threshold_db: float
    first_different: LayerFidelity | None
    deployed: tuple[OutputFidelity, ...]
    agreement: Agreement | None
    worst: tuple[WorstSample, ...]
    differences: tuple[Difference, ...]
    latencies: tuple[Latency, ...]
    footprints: tuple[Footprint, ...]
    stages: tuple[Stage, ...]
    nodes: tuple[tuple[NodeTime, ...], ...]
    layouts: tuple[Layout, ...]
    runtimes: tuple[RuntimeRow, ...] = ()
    plan: tuple[PlannedLayer, ...] = ()
    class_names: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

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


def figures(result: CheckResult) -> dict[str, float | None]:
    """What thresholds can be set on, by their names."""
    last = result.models[-1]
    found: dict[str, float | None] = {"max_file_mb": last.file_bytes / 1e6}
    if last.accuracy:
        found["min_top1"] = last.accuracy.top1
    if result.latency:
        found["max_cpu_ms"] = result.latency.timings[-1].cpu_ms
    if result.footprints:
        found |= {"max_load_ms": result.footprints[-1].load_ms, "max_memory_mb": result.footprints[-1].memory_mb}
    if result.runtimes:
        found["max_runtime_failures"] = sum(
            not (row.agrees or row.missing) for row in result.runtimes if row.model == last.name
        )
    own = [quality for quality in result.qualities if len(quality.values) == len(result.models)]
    if result.qualities:
        found["min_quality"] = (own or result.qualities)[0].values[-1]
    if len(result.models) == 2:
        found |= _accuracy_figures(result) | _cost_figures(result) | _error_figures(result)
        if own:
            found["max_quality_drop"] = own[0].values[0] - own[0].values[1]
    return found


def _accuracy_figures(result: CheckResult) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    first, last = (model.accuracy for model in result.models)
    if first and last:
        found["max_top1_drop"] = first.top1 - last.top1
        if first.top5 is not None and last.top5 is not None:
            found["max_top5_drop"] = first.top5 - last.top5
    if result.agreement:
        found |= {"min_agreement": result.agreement.top1, "max_kl": result.agreement.kl}
    return found


def _cost_figures(result: CheckResult) -> dict[str, float | None]:
    first, last = result.models
    speedup = result.latency.speedup if result.latency else None
    return {
        "min_speedup": speedup.median if speedup else None,
        "min_mac_ratio": first.macs / last.macs if last.macs else math.inf,
        "min_size_ratio": first.weight_bytes / last.weight_bytes if last.weight_bytes else math.inf,
    }


def _error_figures(result: CheckResult) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    if result.layers:
        found["min_layer_sqnr"] = min(layer.sqnr_db for layer in result.layers)
    if result.fidelity:
        found |= {
            "max_abs_error": max(output.max_abs for output in result.fidelity),
            "max_relative_error": max(output.relative for output in result.fidelity),
            "min_cosine": min(output.cosine for output in result.fidelity),
            "min_sqnr": min(output.sqnr_db for output in result.fidelity),
        }
    return found
