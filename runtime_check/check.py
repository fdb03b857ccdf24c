"""The check: costs, fidelity, accuracy and latency of one model, or of two side by side, and the gates on them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx

from ..files import ModelParts, as_parts, read_parts
from ..preprocessing import Preprocessing, read_preprocessing
from .accuracy import Accuracy, Agreement
from .comparison import Comparison, compare
from .cost import ModelCost, count, infer_shapes
from .data import Dataset, open_data
from .fidelity import OutputFidelity
from .gates import Gate, Thresholds, evaluate
from .inputs import InputSpec, common_inputs, model_inputs
from .latency import Latency, measure
from .session import Optimizations, Session

Model = str | os.PathLike[str] | onnx.ModelProto


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
    """

    name: str
    macs: int
    params: int
    weight_bytes: int
    file_bytes: int
    accuracy: Accuracy | None


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the models were run on.

    Attributes:
        description: the file's or folder's name, or that the input is random.
        is_random: whether the input was made up.
        samples: how many were run.
        skipped: why samples were left out, by name.
        preprocessing: what images went through; None if the models' metadata and the caller said nothing.
    """

    description: str
    is_random: bool
    samples: int
    skipped: Mapping[str, str]
    preprocessing: str | None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that was found.

    Attributes:
        models: one, or the reference and the model to judge.
        data: what they were run on.
        optimizations: of onnxruntime, for fidelity and accuracy.
        fidelity: per output; empty for one model.
        agreement: of two classifiers.
        latency: None if it was not measured.
        gates: the thresholds that were set.
    """

    models: tuple[ModelFacts, ...]
    data: DataFacts
    optimizations: Optimizations
    fidelity: tuple[OutputFidelity, ...]
    agreement: Agreement | None
    latency: Latency | None
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether no gate failed."""
        return all(gate.passed for gate in self.gates)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the fields by name, infinite values as null."""
        document = asdict(self) | {"passed": self.passed}
        finite: dict[str, Any] = _finite(document)
        return finite


def check(
    model: Model,
    other: Model | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    labels: str | os.PathLike[str] | None = None,
    preprocessing: Preprocessing | None = None,
    thresholds: Thresholds | None = None,
    limit: int | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    threads: int = 1,
    optimizations: Optimizations = "off",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    latency_seconds: float = 5.0,
) -> CheckResult:
    """Measure a model, or compare two.

    Args:
        model: path or model; the reference where there are two.
        other: the model to judge.
        data: see `data.open_data`; None takes random input.
        labels: see there.
        preprocessing: instead of what the metadata of `model` says.
        thresholds: what is to be kept; see `CheckResult.gates`.
        limit: samples to run at most.
        seed: of the choice of samples and of random input.
        batch_size: samples per run where the models leave it open.
        threads: of onnxruntime, in all measurements.
        optimizations: for fidelity and accuracy; 'off' judges the graph itself, 'all' what will be deployed.
        input_shapes: whole shapes of inputs by name, where the models leave more than the batch open.
        latency_seconds: how long to time the models; 0 leaves latency out.

    Raises:
        ModelError: a model cannot be read or run, or the two have different outputs.
        DataError: data, labels or thresholds do not fit.
    """
    given = [model] if other is None else [model, other]
    parts = [_read(one) for one in given]
    names = [_name(one) for one in given]
    inputs = _inputs(parts, names, input_shapes)
    described = preprocessing or read_preprocessing(parts[0].model, names[0])
    dataset = open_data(data, inputs, described, labels=labels, limit=limit, seed=seed)
    found = compare(_sessions(given, names, optimizations, threads), dataset, batch_size)
    latency = None
    if latency_seconds > 0:
        latency = _time(_sessions(given, names, "all", threads), dataset, threads, latency_seconds)
    facts = tuple(
        _facts(one, name, _cost(part, inputs), accuracy)
        for one, name, part, accuracy in zip(given, names, parts, found.accuracies, strict=True)
    )
    return CheckResult(
        models=facts,
        data=_data_facts(dataset, found, described),
        optimizations=optimizations,
        fidelity=found.fidelity,
        agreement=found.agreement,
        latency=latency,
        gates=evaluate(thresholds or Thresholds(), _figures(facts, found, latency)),
    )


def _read(model: Model) -> ModelParts:
    return as_parts(model) if isinstance(model, onnx.ModelProto) else read_parts(model)


def _name(model: Model) -> str:
    return model.graph.name or "model" if isinstance(model, onnx.ModelProto) else str(model)


def _inputs(
    parts: Sequence[ModelParts], names: Sequence[str], input_shapes: Mapping[str, Sequence[int]] | None
) -> tuple[InputSpec, ...]:
    specs = [model_inputs(part, input_shapes) for part in parts]
    return specs[0] if len(specs) == 1 else common_inputs(specs[0], specs[1], names[0], names[1])


def _sessions(
    models: Sequence[Model], names: Sequence[str], optimizations: Optimizations, threads: int
) -> list[Session]:
    return [
        Session(model, optimizations=optimizations, threads=threads, name=name)
        for model, name in zip(models, names, strict=True)
    ]


def _time(sessions: Sequence[Session], dataset: Dataset, threads: int, seconds: float) -> Latency:
    """Latency at batch 1, or at the batch that the models fix."""
    batch = next(dataset.batches(1))
    return measure(sessions, batch.inputs, threads=threads, seconds=seconds)


def _cost(parts: ModelParts, inputs: Sequence[InputSpec]) -> ModelCost:
    known = {spec.name: (1, *spec.sample_shape) for spec in inputs if None not in spec.sample_shape}
    shapes = {name: [size for size in shape if size is not None] for name, shape in known.items()}
    return count(parts, infer_shapes(parts, input_shapes=shapes))


def _facts(model: Model, name: str, cost: ModelCost, accuracy: Accuracy | None) -> ModelFacts:
    return ModelFacts(name, cost.macs(), cost.params(), cost.bytes(), _file_bytes(model), accuracy)


def _file_bytes(model: Model) -> int:
    if isinstance(model, onnx.ModelProto):
        return model.ByteSize()
    light = onnx.load(model, load_external_data=False)
    external = {
        entry.value for tensor in light.graph.initializer for entry in tensor.external_data if entry.key == "location"
    }
    files = [Path(model), *(Path(model).parent / location for location in external)]
    return sum(path.stat().st_size for path in files if path.is_file())


def _data_facts(dataset: Dataset, found: Comparison, preprocessing: Preprocessing | None) -> DataFacts:
    return DataFacts(
        description=dataset.description,
        is_random=dataset.is_random,
        samples=found.samples,
        skipped=dict(dataset.skipped),
        preprocessing=None if preprocessing is None else preprocessing.to_json(),
    )


def _figures(facts: Sequence[ModelFacts], found: Comparison, latency: Latency | None) -> dict[str, float | None]:
    """What thresholds can be set on, by their names."""
    last = facts[-1]
    figures: dict[str, float | None] = {"min_top1": last.accuracy.top1 if last.accuracy else None}
    if len(facts) == 1:
        return figures
    first = facts[0]
    if first.accuracy and last.accuracy:
        figures["max_top1_drop"] = first.accuracy.top1 - last.accuracy.top1
        if first.accuracy.top5 is not None and last.accuracy.top5 is not None:
            figures["max_top5_drop"] = first.accuracy.top5 - last.accuracy.top5
    if found.agreement:
        figures |= {"min_agreement": found.agreement.top1, "max_kl": found.agreement.kl}
    if latency and latency.speedup:
        figures["min_speedup"] = latency.speedup.median
    figures["min_mac_ratio"] = first.macs / last.macs if last.macs else math.inf
    figures["min_size_ratio"] = first.weight_bytes / last.weight_bytes if last.weight_bytes else math.inf
    return figures | {
        "max_abs_error": max(output.max_abs for output in found.fidelity),
        "max_relative_error": max(output.relative for output in found.fidelity),
        "min_cosine": min(output.cosine for output in found.fidelity),
        "min_sqnr": min(output.sqnr_db for output in found.fidelity),
    }


def _finite(value: Any) -> Any:
    """JSON has no infinity: an infinite SQNR, of equal outputs, becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
