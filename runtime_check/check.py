"""The check: costs, fidelity, accuracy and latency of one model, or of two side by side, and the gates on them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..errors import ModelError
from ..files import ModelParts, as_parts, read_parts
from ..preprocessing import Preprocessing, read_preprocessing
from .accuracy import Accuracy
from .comparison import compare
from .cost import ModelCost, count, infer_shapes
from .data import Dataset, open_data, paired_batches
from .fidelity import FidelityMeter, OutputFidelity
from .gates import Thresholds, evaluate, refuse_unlabelled
from .inputs import InputSpec, common_inputs, model_inputs
from .latency import Latency, measure
from .layers import LayerComparison, compare_layers
from .profile import NodeTime, profile
from .provenance import provenance
from .result import CheckResult, DataFacts, ModelFacts, figures
from .runtimes import RuntimeRow, try_runtimes
from .session import Optimizations, Session
from .stages import align
from .task import Task

Model = str | os.PathLike[str] | onnx.ModelProto | ModelParts


@dataclass(frozen=True, slots=True)
class _Subject:
    """A model under check.

    Attributes:
        source: the path that the caller gave, or else the whole model; onnxruntime opens it.
        parts: the same, read.
        name: what to call it.
        preprocessing: what its images go through, if anything says so.
    """

    source: str | os.PathLike[str] | onnx.ModelProto
    parts: ModelParts
    name: str
    preprocessing: Preprocessing | None

    def open(self, optimizations: Optimizations, threads: int) -> Session:
        return Session(self.source, optimizations=optimizations, threads=threads, name=self.name)


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
    threads: int | Sequence[int] = 1,
    task: Task | None = None,
    optimizations: Optimizations = "off",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    layer_samples: int = 4,
    latency_seconds: float = 5.0,
    latency_batches: Sequence[int] = (1,),
    profile_runs: int = 0,
    runtimes: Sequence[str] = (),
) -> CheckResult:
    """Measure a model, or compare two.

    Args:
        model: path or model; the reference where there are two.
        other: the model to judge.
        data: see `data.open_data`; None takes random input.
        labels: see there.
        preprocessing: for both models; by default each is fed as its own metadata says, or else as the other's does.
        thresholds: what is to be kept.
        limit: samples to run at most.
        seed: of the choice of samples and of random input.
        batch_size: samples per run where the models leave it open.
        threads: of onnxruntime; of several numbers the first counts, for the others latency is measured too.
        task: what the models are for; None guesses.
        optimizations: for fidelity and accuracy; 'off' judges the graph itself, 'all' what will be deployed.
        input_shapes: whole shapes of inputs by name, where the models leave more than the batch open.
        layer_samples: on how many samples to compare two models layer by layer; 0 leaves it out.
        latency_seconds: how long to time the models for each number of threads and batch size; 0 leaves latency out.
        latency_batches: samples per timed run, where the models leave it open; the first counts.
        profile_runs: how often to run each model under onnxruntime's profiler; 0 leaves the nodes' times out.
        runtimes: other runtimes to try the models in, each in a process of its own; 'all' for all there are.

    Raises:
        ModelError: a model cannot be read or run, or the two have different outputs.
        DataError: data, labels or thresholds do not fit.
        MissingExtraError: a runtime that was asked for by name is not installed.
    """
    counts = (threads,) if isinstance(threads, int) else tuple(threads)
    batches = tuple(latency_batches)
    settings = _Settings(task, batch_size, counts, optimizations, layer_samples, latency_seconds, batches, profile_runs)
    subjects = _subjects([model] if other is None else [model, other], preprocessing)
    inputs = _inputs(subjects, input_shapes)
    datasets = _datasets(subjects, inputs, data=data, labels=labels, limit=limit, seed=seed)
    limits = thresholds or Thresholds()
    refuse_unlabelled(limits, labelled=datasets[0].labels is not None, models=len(subjects))
    rows = _runtimes(subjects, datasets[0], runtimes)
    origin = provenance(_files(subjects, data))
    return _measure(subjects, inputs, datasets, settings, limits=limits, runtimes=rows, origin=origin)


@dataclass(frozen=True, slots=True)
class _Settings:
    """How to measure; see `check`."""

    task: Task | None
    batch_size: int | None
    threads: tuple[int, ...]
    optimizations: Optimizations
    layer_samples: int
    latency_seconds: float
    latency_batches: tuple[int, ...]
    profile_runs: int


def _measure(
    subjects: Sequence[_Subject],
    inputs: Sequence[InputSpec],
    data: Sequence[Dataset],
    settings: _Settings,
    *,
    limits: Thresholds,
    runtimes: tuple[RuntimeRow, ...],
    origin: Mapping[str, str],
) -> CheckResult:
    """Everything that runs in onnxruntime, and the result."""
    sessions = [subject.open(settings.optimizations, settings.threads[0]) for subject in subjects]
    found = compare(sessions, data, settings.batch_size, settings.task)
    layers = _layers(subjects, data, settings)
    latencies = _latencies(subjects, data, settings)
    costs = [_cost(subject, inputs) for subject in subjects]
    facts = tuple(_facts(*one) for one in zip(subjects, costs, found.accuracies, strict=True))
    times = _profiles(subjects, data, settings)
    first = latencies[0] if latencies else None
    return CheckResult(
        models=facts,
        data=DataFacts(data[0].description, data[0].is_random, found.samples, _skipped(data)),
        optimizations=settings.optimizations,
        task=found.task,
        task_guessed=settings.task is None,
        output=found.output,
        qualities=found.qualities,
        fidelity=found.fidelity,
        layers=layers.layers if layers else (),
        first_different=layers.first_below() if layers else None,
        deployed=_deployed(subjects[-1], data[-1], settings.layer_samples),
        agreement=found.agreement,
        worst=found.worst,
        differences=found.differences,
        latencies=latencies,
        stages=align([subject.parts for subject in subjects], costs, times),
        nodes=tuple(times),
        runtimes=runtimes,
        gates=evaluate(limits, figures(facts, found.fidelity, layers.layers if layers else (), found.agreement, first)),
        provenance=origin,
    )


def _datasets(
    subjects: Sequence[_Subject],
    inputs: Sequence[InputSpec],
    *,
    data: str | os.PathLike[str] | None,
    labels: str | os.PathLike[str] | None,
    limit: int | None,
    seed: int,
) -> list[Dataset]:
    """One for all models, or where they are fed differently, one for each."""
    return [
        open_data(data, inputs, described, labels=labels, limit=limit, seed=seed)
        for described in dict.fromkeys(subject.preprocessing for subject in subjects)
    ]


def _subjects(models: Sequence[Model], preprocessing: Preprocessing | None) -> list[_Subject]:
    sources = [one.to_model() if isinstance(one, ModelParts) else one for one in models]
    names = [one.graph.name or "model" if isinstance(one, onnx.ModelProto) else str(one) for one in sources]
    parts = [as_parts(one) if isinstance(one, onnx.ModelProto) else read_parts(one) for one in sources]
    described = [preprocessing or read_preprocessing(p.model, name) for p, name in zip(parts, names, strict=True)]
    known = next((one for one in described if one is not None), None)
    return [_Subject(*facts[:3], facts[3] or known) for facts in zip(sources, parts, names, described, strict=True)]


def _inputs(subjects: Sequence[_Subject], input_shapes: Mapping[str, Sequence[int]] | None) -> tuple[InputSpec, ...]:
    specs = [model_inputs(subject.parts, input_shapes) for subject in subjects]
    return specs[0] if len(specs) == 1 else common_inputs(specs[0], specs[1], subjects[0].name, subjects[1].name)


def _layers(subjects: Sequence[_Subject], data: Sequence[Dataset], settings: _Settings) -> LayerComparison | None:
    if len(subjects) == 1 or not settings.layer_samples:
        return None
    return compare_layers(
        (subjects[0].parts, subjects[1].parts),
        (subjects[0].name, subjects[1].name),
        data,
        samples=settings.layer_samples,
        optimizations=settings.optimizations,
        threads=settings.threads[0],
    )


def _deployed(subject: _Subject, data: Dataset, samples: int) -> tuple[OutputFidelity, ...]:
    """The outputs with onnxruntime's optimizations on against those with them off, on `samples` samples."""
    if not samples:
        return ()
    plain, optimized = subject.open("off", 1), subject.open("all", 1)
    meters = {name: FidelityMeter(name) for name in plain.output_names}
    taken = 0
    for batch in data.batches(1):
        outputs, other = plain.run(batch.inputs), optimized.run(batch.inputs)
        for name, meter in meters.items():
            meter.add(outputs[name], other[name])
        taken += batch.size
        if taken >= samples:
            break
    return tuple(meter.result() for meter in meters.values())


def _runtimes(subjects: Sequence[_Subject], data: Dataset, names: Sequence[str]) -> tuple[RuntimeRow, ...]:
    if not names:
        return ()
    paths = [str(subject.source) for subject in subjects if not isinstance(subject.source, onnx.ModelProto)]
    if len(paths) != len(subjects):
        raise ModelError("other runtimes read models from files; write the models, and give their paths")
    return try_runtimes(names, paths, next(data.batches(1)).inputs)


def _latencies(subjects: Sequence[_Subject], data: Sequence[Dataset], settings: _Settings) -> tuple[Latency, ...]:
    """For every number of threads and every batch size."""
    if settings.latency_seconds <= 0:
        return ()
    measured = []
    for threads in settings.threads:
        sessions = [subject.open("all", threads) for subject in subjects]
        for size in settings.latency_batches:
            batch = next(data[0].batches(size))
            measured.append(measure(sessions, batch.inputs, threads=threads, seconds=settings.latency_seconds))
    return tuple(measured)


def _profiles(subjects: Sequence[_Subject], data: Sequence[Dataset], settings: _Settings) -> list[tuple[NodeTime, ...]]:
    if not settings.profile_runs:
        return []
    batches = next(paired_batches(data, len(subjects), 1))
    return [
        profile(subject.source, batch.inputs, threads=settings.threads[0], runs=settings.profile_runs)
        for subject, batch in zip(subjects, batches, strict=True)
    ]


def _cost(subject: _Subject, inputs: Sequence[InputSpec]) -> ModelCost:
    known = {spec.name: (1, *spec.sample_shape) for spec in inputs if None not in spec.sample_shape}
    shapes = {name: [size for size in shape if size is not None] for name, shape in known.items()}
    return count(subject.parts, infer_shapes(subject.parts, input_shapes=shapes))


def _facts(subject: _Subject, cost: ModelCost, accuracy: Accuracy | None) -> ModelFacts:
    return ModelFacts(
        name=subject.name,
        macs=cost.macs(),
        params=cost.params(),
        weight_bytes=cost.bytes(),
        file_bytes=_file_bytes(subject.source),
        accuracy=accuracy,
        preprocessing=None if subject.preprocessing is None else subject.preprocessing.to_json(),
    )


def _file_bytes(model: str | os.PathLike[str] | onnx.ModelProto) -> int:
    if isinstance(model, onnx.ModelProto):
        return model.ByteSize()
    light = onnx.load(model, load_external_data=False)
    external = {
        entry.value for tensor in light.graph.initializer for entry in tensor.external_data if entry.key == "location"
    }
    files = [Path(model), *(Path(model).parent / location for location in external)]
    return sum(path.stat().st_size for path in files if path.is_file())


def _files(subjects: Sequence[_Subject], data: str | os.PathLike[str] | None) -> list[str]:
    models = [str(subject.source) for subject in subjects if not isinstance(subject.source, onnx.ModelProto)]
    return [*models, *([] if data is None else [str(data)])]


def _skipped(datasets: Sequence[Dataset]) -> dict[str, str]:
    return {name: reason for data in datasets for name, reason in data.skipped.items()}
