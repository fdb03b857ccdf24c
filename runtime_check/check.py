"""The check: costs, fidelity, accuracy and latency of one model, or of two side by side, and the gates on them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from ..errors import ModelError
from ..preprocessing import Preprocessing
from .comparison import Comparison, compare
from .data import Dataset, open_data, paired_batches
from .detections import SUPPRESSION_OVERLAP
from .fidelity import FidelityMeter, OutputFidelity
from .footprint import Footprint, measure_footprint
from .gates import Thresholds, evaluate, refuse_unlabelled
from .inputs import InputSpec
from .judge import Evaluation
from .latency import Latency, measure
from .layers import DIFFERENT_DB, LayerComparison, compare_layers
from .layout import Layout, read_layout
from .pairs import read_pairs
from .planned import PlannedLayer
from .profile import NodeTime, profile
from .provenance import provenance
from .result import CheckResult, DataFacts, figures
from .runtimes import RuntimeRow, try_runtimes
from .session import Optimizations
from .stages import align
from .subject import Model, Subject, cost_of, facts_of, inputs_of, open_subjects
from .task import Task

RUNTIME_SAMPLES = 4
"""On how many samples other runtimes are compared: a single one may have nothing to tell apart."""


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
    pairs: str | os.PathLike[str] | None = None,
    least_overlap: float = 0.5,
    suppression_overlap: float = SUPPRESSION_OVERLAP,
    optimizations: Optimizations = "off",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    layer_samples: int = 4,
    layer_threshold_db: float = DIFFERENT_DB,
    latency_seconds: float = 5.0,
    latency_batches: Sequence[int] = (1,),
    profile_runs: int = 0,
    runtimes: Sequence[str] = (),
    plan: Sequence[PlannedLayer] = (),
    class_names: Sequence[str] = (),
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
        pairs: file of pairs of images for the verification of embeddings; see `pairs.read_pairs`.
        least_overlap: intersection over union from which on a detector has found an object.
        suppression_overlap: from which on the better of two boxes takes the other away, where the model does not.
        optimizations: for fidelity and accuracy; 'off' judges the graph itself, 'all' what will be deployed.
        input_shapes: whole shapes of inputs by name, where the models leave more than the batch open.
        layer_samples: on how many samples to compare two models layer by layer; 0 leaves it out.
        layer_threshold_db: SQNR under which a tensor counts as different.
        latency_seconds: how long to time the models for each number of threads and batch size; 0 leaves latency, time
            to load and memory out.
        latency_batches: samples per timed run, where the models leave it open; the first counts.
        profile_runs: how often to run each model under onnxruntime's profiler; 0 leaves the nodes' times and layout
            out.
        runtimes: other runtimes to try the models in, each in a process of its own; 'all' for all there are.
            `NAME@PYTHON` is the one of another environment, whose interpreter PYTHON is.
        plan: what was done to the first model's layers, to be shown in the report.
        class_names: what to call the classes in the report.

    Raises:
        ModelError: a model cannot be read or run, or the two have different outputs.
        DataError: data, labels or thresholds do not fit.
        MissingExtraError: a runtime that was asked for by name is not installed.
    """
    settings = _Settings(
        evaluation=Evaluation(
            task, None if pairs is None else read_pairs(Path(pairs)), least_overlap, suppression_overlap
        ),
        batch_size=batch_size,
        threads=(threads,) if isinstance(threads, int) else tuple(threads),
        optimizations=optimizations,
        layer_samples=layer_samples,
        layer_threshold_db=layer_threshold_db,
        latency_seconds=latency_seconds,
        latency_batches=tuple(latency_batches),
        profile_runs=profile_runs,
    )
    subjects = open_subjects([model] if other is None else [model, other], preprocessing)
    inputs = inputs_of(subjects, input_shapes)
    datasets = _datasets(subjects, inputs, data=data, labels=labels, limit=limit, seed=seed)
    limits = thresholds or Thresholds()
    refuse_unlabelled(limits, labelled=datasets[0].labels is not None, models=len(subjects))
    rows = _runtimes(subjects, datasets[0], runtimes, settings.threads[0])
    result = replace(
        _measure(subjects, inputs, datasets, settings),
        runtimes=rows,
        plan=tuple(plan),
        class_names=tuple(class_names),
        provenance=provenance(_files(subjects, data)),
    )
    return replace(result, gates=evaluate(limits, figures(result)))


@dataclass(frozen=True, slots=True)
class _Settings:
    """How to measure; see `check`."""

    evaluation: Evaluation
    batch_size: int | None
    threads: tuple[int, ...]
    optimizations: Optimizations
    layer_samples: int
    layer_threshold_db: float
    latency_seconds: float
    latency_batches: tuple[int, ...]
    profile_runs: int


def _measure(
    subjects: Sequence[Subject], inputs: Sequence[InputSpec], data: Sequence[Dataset], settings: _Settings
) -> CheckResult:
    """Everything that runs in onnxruntime."""
    found = _compare(subjects, data, settings)
    layers = _layers(subjects, data, settings)
    costs = [cost_of(subject, inputs) for subject in subjects]
    latencies = _latencies(subjects, data, settings)
    footprints = _footprints(subjects, data, settings)
    times = _profiles(subjects, data, settings)
    return CheckResult(
        models=tuple(facts_of(*one) for one in zip(subjects, costs, found.accuracies, strict=True)),
        data=DataFacts(data[0].description, data[0].is_random, found.samples, _skipped(data)),
        optimizations=settings.optimizations,
        task=found.task,
        task_guessed=settings.evaluation.task is None,
        output=found.output,
        qualities=found.qualities,
        fidelity=found.fidelity,
        layers=layers.layers if layers else (),
        layer_threshold_db=settings.layer_threshold_db,
        first_different=layers.first_below(settings.layer_threshold_db) if layers else None,
        deployed=_deployed(subjects[-1], data[-1], settings.layer_samples),
        agreement=found.agreement,
        worst=found.worst,
        differences=found.differences,
        latencies=latencies,
        footprints=footprints,
        stages=align([subject.parts for subject in subjects], costs, times),
        nodes=tuple(times),
        layouts=_layouts(subjects, settings),
    )


def _compare(subjects: Sequence[Subject], data: Sequence[Dataset], settings: _Settings) -> Comparison:
    sessions = [subject.open(settings.optimizations, settings.threads[0]) for subject in subjects]
    return compare(sessions, data, settings.batch_size, settings.evaluation)


def _datasets(
    subjects: Sequence[Subject],
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


def _layers(subjects: Sequence[Subject], data: Sequence[Dataset], settings: _Settings) -> LayerComparison | None:
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


def _deployed(subject: Subject, data: Dataset, samples: int) -> tuple[OutputFidelity, ...]:
    """The outputs with onnxruntime's optimizations on against those with them off, on `samples` samples."""
    if not samples:
        return ()
    plain, optimized = subject.open("off", 1), subject.open("all", 1)
    meters = {name: FidelityMeter(name) for name in plain.output_names}
    taken = 0
    for batch in data.batches(1):
        outputs, other = plain.run(batch.inputs), optimized.run(batch.inputs)
        for name, meter in meters.items():
            if outputs[name].shape == other[name].shape:  # a detector may find a box more
                meter.add(outputs[name], other[name])
        taken += batch.size
        if taken >= samples:
            break
    return tuple(meter.result() for meter in meters.values())


def _runtimes(subjects: Sequence[Subject], data: Dataset, names: Sequence[str], threads: int) -> tuple[RuntimeRow, ...]:
    if not names:
        return ()
    paths = [str(subject.source) for subject in subjects if not isinstance(subject.source, onnx.ModelProto)]
    if len(paths) != len(subjects):
        raise ModelError("other runtimes read models from files; write the models, and give their paths")
    batches = itertools.islice(data.batches(1), RUNTIME_SAMPLES)
    return try_runtimes(names, paths, [batch.inputs for batch in batches], threads=threads)


def _latencies(subjects: Sequence[Subject], data: Sequence[Dataset], settings: _Settings) -> tuple[Latency, ...]:
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


def _footprints(subjects: Sequence[Subject], data: Sequence[Dataset], settings: _Settings) -> tuple[Footprint, ...]:
    if settings.latency_seconds <= 0:
        return ()
    batches = next(paired_batches(data, len(subjects), 1))
    return tuple(
        measure_footprint(subject.source, batch.inputs, threads=settings.threads[0])
        for subject, batch in zip(subjects, batches, strict=True)
    )


def _layouts(subjects: Sequence[Subject], settings: _Settings) -> tuple[Layout, ...]:
    return tuple(read_layout(subject.source) for subject in subjects) if settings.profile_runs else ()


def _profiles(subjects: Sequence[Subject], data: Sequence[Dataset], settings: _Settings) -> list[tuple[NodeTime, ...]]:
    if not settings.profile_runs:
        return []
    batches = next(paired_batches(data, len(subjects), 1))
    return [
        profile(subject.source, batch.inputs, threads=settings.threads[0], runs=settings.profile_runs)
        for subject, batch in zip(subjects, batches, strict=True)
    ]


def _files(subjects: Sequence[Subject], data: str | os.PathLike[str] | None) -> list[str]:
    models = [str(subject.source) for subject in subjects if not isinstance(subject.source, onnx.ModelProto)]
    return [*models, *([] if data is None else [str(data)])]


def _skipped(datasets: Sequence[Dataset]) -> dict[str, str]:
    return {name: reason for data in datasets for name, reason in data.skipped.items()}
