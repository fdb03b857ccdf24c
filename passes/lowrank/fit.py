"""Fit the chains of a whole network, first layer to last, on what the compressed network really feeds.

Asymmetric reconstruction (Zhang et al., *Accelerating very deep convolutional networks for classification and
detection*, 2015): each layer's inputs come from the network compressed so far, its targets from the original. Where a
Relu follows, the error is measured after it: regression alternates with the closed-form update of an auxiliary
response. Where the layer's output is added to a shortcut, it is fitted to make up for the shortcut's error (He et al.,
*Channel pruning for accelerating very deep neural networks*, 2017, section 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...progress import track
from ..continued import Continued
from ..layers import Layer
from ..relu_fit import fit_through_relu
from ..sampling import positions, values_at
from ..shrinkage import effective_count, shrinkage
from ..statistics import Batches, LayerStatistics, Sampling, Statistics, sample_batch
from ..surroundings import Surroundings, surroundings, waves
from .form import Chain
from .pair import Pair
from .regressed import fitted_layer, fold
from .regression import Fit, Moments, alternate, fit_second

F32 = NDArray[np.float32]

_ROUNDS = 2
"""Alternations from the symmetric solution on the compressed network's features."""


@dataclass(frozen=True, slots=True)
class Job:
    """One layer to be fitted.

    Attributes:
        layer: the layer.
        form: the form it takes.
        start: factors of each group that fit the original network's features.
    """

    layer: Layer
    form: Pair
    start: Sequence[Fit]


@dataclass(frozen=True, slots=True)
class Samples:
    """What one layer's fit is made from.

    Attributes:
        inputs: patches of the compressed network (S, G, D).
        shortcut: what is added to the output, in the compressed network (S, N), and in the original.
    """

    inputs: F32
    shortcut: F32 | None
    original_shortcut: F32 | None


def fit_network(
    graph: gs.Graph, jobs: Sequence[Job], statistics: Statistics, batches: Batches, sampling: Sampling
) -> Iterator[tuple[Job, Chain]]:
    """The chain of every job, to be applied to `graph` before the next is asked for.

    Args:
        graph: the network compressed so far; changed by the caller as chains are yielded.
        jobs: the layers to fit.
        statistics: of the original network, for the targets.
        batches: the calibration data that `statistics` were gathered from.
        sampling: likewise.
    """
    runs = (Continued(graph, batches, sampling.memory), Continued(graph.copy(), batches, sampling.memory))
    around = {job.layer.name: surroundings(graph, job.layer) for job in jobs}
    by_layer = {job.layer.name: job for job in jobs}
    layers = list(waves(graph, [job.layer for job in jobs], _samples_memory(statistics), sampling.memory))
    for wave in track(layers, "Fitting on compressed features"):
        for name, samples in _collect(runs, wave, around, statistics, sampling).items():
            yield by_layer[name], _fit(by_layer[name], statistics[name], samples, around[name])


def _samples_memory(statistics: Statistics) -> Mapping[str, int]:
    """Bytes of the patches that a layer is fitted on."""
    return {name: 4 * known.count * known.mean.size for name, known in statistics.items()}


def _collect(
    runs: tuple[Continued, Continued],
    layers: Sequence[Layer],
    around: Mapping[str, Surroundings],
    statistics: Statistics,
    sampling: Sampling,
) -> dict[str, Samples]:
    """Stream the data through both networks, compressed and original, and sample what the layers of one wave need."""
    added = [name for layer in layers if (name := around[layer.name].shortcut) is not None]
    compressed = runs[0].run([*(layer.node.inputs[0].name for layer in layers), *added])
    reference = runs[1].run(added)
    inputs: dict[str, list[F32]] = {layer.name: [] for layer in layers}
    sums: dict[str, list[tuple[F32, F32]]] = {layer.name: [] for layer in layers}
    first = images = 0
    for tensors, originals in zip(compressed, reference, strict=True):
        for layer in layers:
            batch = np.asarray(tensors[layer.node.inputs[0].name], np.float32)
            images = len(batch)
            inputs[layer.name].append(statistics[layer.name].seen(sample_batch(layer, batch, first, sampling)))
            name = around[layer.name].shortcut
            if name is not None:
                for offset in range(images):
                    where = positions(layer, first + offset, sampling.samples, sampling.seed)
                    pair = (tensors[name][offset], originals[name][offset])
                    sums[layer.name].append((values_at(layer, pair[0], where), values_at(layer, pair[1], where)))
        first += images
    return {layer.name: _samples(inputs[layer.name], sums[layer.name]) for layer in layers}


def _samples(inputs: list[F32], sums: list[tuple[F32, F32]]) -> Samples:
    if not sums:
        return Samples(np.concatenate(inputs), None, None)
    return Samples(np.concatenate(inputs), np.concatenate([a for a, _ in sums]), np.concatenate([b for _, b in sums]))


def _fit(job: Job, statistics: LayerStatistics, samples: Samples, around: Surroundings) -> Chain:
    """The chain of one layer, each of its groups by itself."""
    job = replace(job, layer=fitted_layer(job.layer, statistics))
    fits = []
    per_group = job.layer.filters // job.layer.group
    order = job.form.order(job.layer)
    for group in range(job.layer.group):
        columns = slice(group * per_group, (group + 1) * per_group)
        rows = np.ascontiguousarray(samples.inputs[:, group][:, order])
        offset = 0.0 if samples.shortcut is None else samples.shortcut[:, columns]
        wanted = statistics.responses[:, columns]
        if samples.original_shortcut is not None:
            wanted = wanted + samples.original_shortcut[:, columns]
        fitted = _fit_linear(job, group, rows, wanted - offset)
        if around.slopes is not None:
            count = effective_count(job.layer, len(rows))
            fitted = _fit_through_relu(fitted, rows, wanted, offset, count=count, slopes=around.slopes[columns])
        fits.append(fitted)
    return fold(job.form, job.layer, fits, statistics)


def _fit_linear(job: Job, group: int, rows: F32, targets: F32) -> Fit:
    mean_x, mean_y = rows.mean(axis=0, dtype=np.float64), targets.mean(axis=0, dtype=np.float64)
    centred = rows - mean_x.astype(np.float32)
    deviations = targets - mean_y.astype(np.float32)
    gram = centred.T @ centred / np.float32(len(rows))
    kernel = job.form.kernels(job.layer)[group]
    moments = Moments(
        gram=gram,
        cross=deviations.T @ centred / np.float32(len(rows)),
        energy=float(np.vdot(deviations, deviations)) / len(rows),
        mean_x=mean_x,
        mean_y=mean_y,
        q=kernel.shape[1],
        kernel=kernel.reshape(len(kernel), -1),
        pull=shrinkage(gram, effective_count(job.layer, len(rows))),
    )
    start = job.start[group].factors
    return alternate(fit_second(start.first, moments, start.middle), moments, _ROUNDS)


def _fit_through_relu(fitted: Fit, rows: F32, wanted: F32, offset: F32 | float, *, count: float, slopes: F32) -> Fit:
    """Refit the last factor and the bias so that, rectified, last features + bias + offset meet `wanted`.

    The fewer independent samples there are for each feature, the more the refit is pulled to the linear fit: left free,
    it meets the samples ever better and unseen images worse than without.
    """
    factors = fitted.factors
    features = factors.features(rows)
    solution = np.concatenate([factors.last, fitted.bias[:, None]], axis=1).T.astype(np.float32)
    ridge = features.shape[1] / count
    best = fit_through_relu(features, solution, wanted, offset, slopes=slopes, prior=solution, ridge=ridge)
    last = np.ascontiguousarray(best[:-1].T)
    return replace(fitted, factors=factors.with_last(last), bias=best[-1].astype(np.float64))
