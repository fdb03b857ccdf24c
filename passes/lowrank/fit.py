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
import scipy.linalg
from numpy.typing import NDArray

from ...progress import track
from ..graph import is_output
from ..layers import Layer
from ..sampling import Activations, patches, positions, values_at
from ..statistics import Batches, Sampling, Statistics, batch_size
from .form import Chain
from .pair import Pair
from .regressed import fold
from .regression import Moments, PairFactors, alternate, fit_second

F32 = NDArray[np.float32]

_ROUNDS = 2
"""Alternations from the symmetric solution on the compressed network's features."""

_PENALTIES = (0.1,) * 4 + (1.0,) * 12
"""The weight of the auxiliary response, step by step (Zhang et al. use 0.01 and then 1)."""

_RIDGE = 1e-4


@dataclass(frozen=True, slots=True)
class Job:
    """One layer to be fitted.

    Attributes:
        layer: the layer.
        form: the form it takes.
        rank: K.
        start: factors of each group that fit the original network's features.
    """

    layer: Layer
    form: Pair
    rank: int
    start: Sequence[PairFactors]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands behind a layer.

    Attributes:
        relu: a Relu takes the layer's output, or its sum with the shortcut.
        shortcut: the tensor that is added to the layer's output, if there is one.
    """

    relu: bool
    shortcut: str | None


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


def surroundings(graph: gs.Graph, layer: Layer) -> Surroundings:
    """What stands behind `layer` in `graph`."""
    output = layer.node.outputs[0]
    if _is_relu(graph, output):
        return Surroundings(relu=True, shortcut=None)
    if len(output.outputs) == 1 and output.outputs[0].op == "Add" and not is_output(graph, output):
        addition = output.outputs[0]
        others = [tensor for tensor in addition.inputs if tensor is not output]
        if len(others) == 1 and others[0].inputs and not isinstance(others[0], gs.Constant):
            return Surroundings(relu=_is_relu(graph, addition.outputs[0]), shortcut=others[0].name)
    return Surroundings(relu=False, shortcut=None)


def _is_relu(graph: gs.Graph, tensor: gs.Tensor) -> bool:
    """Whether `tensor` goes into a Relu and nowhere else."""
    return (
        bool(tensor.outputs)
        and all(node.op in {"Relu", "Clip"} for node in tensor.outputs)
        and tensor not in graph.outputs
    )


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
    original = graph.copy()
    around = {job.layer.name: surroundings(graph, job.layer) for job in jobs}
    waves = list(_waves(graph, jobs, _samples_memory(statistics), sampling.memory))
    for wave in track(waves, "Fitting on compressed features"):
        samples = _collect((graph, original), wave, around, batches, sampling)
        for job in wave:
            targets = statistics[job.layer.name].responses
            yield job, _fit(job, targets, samples[job.layer.name], around[job.layer.name])


def _samples_memory(statistics: Statistics) -> Mapping[str, int]:
    """Bytes of the patches that a layer is fitted on."""
    return {name: 4 * known.count * known.mean.size for name, known in statistics.items()}


def _waves(graph: gs.Graph, jobs: Sequence[Job], bytes_of: Mapping[str, int], memory: int) -> Iterator[list[Job]]:
    """Jobs that do not depend on each other, in an order in which every job comes after those it depends on."""
    depths = _depths(graph, jobs)
    for depth in sorted(set(depths.values())):
        wave: list[Job] = []
        taken = 0
        for job in jobs:
            if depths[job.layer.name] != depth:
                continue
            if wave and taken + bytes_of[job.layer.name] > memory:
                yield wave
                wave, taken = [], 0
            wave.append(job)
            taken += bytes_of[job.layer.name]
        yield wave


def _depths(graph: gs.Graph, jobs: Sequence[Job]) -> dict[str, int]:
    """How many jobs stand, one behind the other, before each job (a shortcut counts as standing before)."""
    names = {job.layer.name for job in jobs}
    reached: dict[int, int] = {}
    depths: dict[str, int] = {}
    for node in graph.nodes:
        depth = max((reached.get(id(tensor), 0) for tensor in node.inputs), default=0)
        if node.name in names:
            depths[node.name] = depth
            depth += 1
        for tensor in node.outputs:
            reached[id(tensor)] = depth
    for job in jobs:
        shortcut = surroundings(graph, job.layer).shortcut
        if shortcut is not None:
            ready = max(reached.get(id(t), 0) for t in _addition(job.layer).inputs if t.name == shortcut)
            depths[job.layer.name] = max(depths[job.layer.name], ready)
    return depths


def _addition(layer: Layer) -> gs.Node:
    return layer.node.outputs[0].outputs[0]


def _collect(
    graphs: tuple[gs.Graph, gs.Graph],
    wave: Sequence[Job],
    around: Mapping[str, Surroundings],
    batches: Batches,
    sampling: Sampling,
) -> dict[str, Samples]:
    """Stream the data through both networks, compressed and original, and sample what the layers of one wave need."""
    layers = [job.layer for job in wave]
    shortcuts = {layer.name: around[layer.name].shortcut for layer in layers}
    added = [name for name in shortcuts.values() if name is not None]
    compressed = Activations(graphs[0], [*(layer.node.inputs[0].name for layer in layers), *added])
    reference = Activations(graphs[1], added)
    inputs: dict[str, list[F32]] = {layer.name: [] for layer in layers}
    sums: dict[str, list[tuple[F32, F32]]] = {layer.name: [] for layer in layers}
    first = 0
    for feeds in batches:
        tensors, originals = compressed(feeds), reference(feeds)
        for layer in layers:
            for offset, image in enumerate(tensors[layer.node.inputs[0].name]):
                where = positions(layer, first + offset, sampling.samples, sampling.seed)
                inputs[layer.name].append(patches(layer, image, where))
                name = shortcuts[layer.name]
                if name is not None:
                    pair = (tensors[name][offset], originals[name][offset])
                    sums[layer.name].append((values_at(layer, pair[0], where), values_at(layer, pair[1], where)))
        first += batch_size(feeds)
    return {layer.name: _samples(inputs[layer.name], sums[layer.name]) for layer in layers}


def _samples(inputs: list[F32], sums: list[tuple[F32, F32]]) -> Samples:
    if not sums:
        return Samples(np.concatenate(inputs), None, None)
    return Samples(np.concatenate(inputs), np.concatenate([a for a, _ in sums]), np.concatenate([b for _, b in sums]))


def _fit(job: Job, targets: F32, samples: Samples, around: Surroundings) -> Chain:
    """The chain of one layer, each of its groups by itself."""
    fits = []
    per_group = job.layer.filters // job.layer.group
    order = job.form.order(job.layer)
    for group, start in enumerate(job.start):
        columns = slice(group * per_group, (group + 1) * per_group)
        rows = np.ascontiguousarray(samples.inputs[:, group][:, order])
        offset = 0.0 if samples.shortcut is None else samples.shortcut[:, columns]
        wanted = targets[:, columns]
        if samples.original_shortcut is not None:
            wanted = wanted + samples.original_shortcut[:, columns]
        fitted = _fit_linear(start, rows, wanted - offset)
        if around.relu:
            fitted = _fit_through_relu(fitted, rows, np.maximum(wanted, 0), offset)
        fits.append(fitted)
    return fold(job.form, job.layer, fits)


def _fit_linear(start: PairFactors, rows: F32, targets: F32) -> PairFactors:
    mean_x, mean_y = rows.mean(axis=0, dtype=np.float64), targets.mean(axis=0, dtype=np.float64)
    centred = rows - mean_x.astype(np.float32)
    deviations = targets - mean_y.astype(np.float32)
    moments = Moments(
        gram=centred.T @ centred / np.float32(len(rows)),
        cross=deviations.T @ centred / np.float32(len(rows)),
        energy=float(np.vdot(deviations, deviations)) / len(rows),
        mean_x=mean_x,
        mean_y=mean_y,
        q=start.second.shape[1],
    )
    return alternate(fit_second(start.first, moments), moments, _ROUNDS)


def _fit_through_relu(fitted: PairFactors, rows: F32, wanted: F32, offset: F32 | float) -> PairFactors:
    """Refit B and the bias so that relu(B features + bias + offset) meets `wanted`.

    Zhang et al., section 2.2: minimize |wanted - relu(u)|^2 + penalty |u - r|^2 over the auxiliary u and the
    regression r in turn.
    """
    rank = len(fitted.first)
    features = np.matmul(rows.reshape(len(rows), -1, fitted.first.shape[1]), fitted.first.T).reshape(len(rows), -1)
    features = np.concatenate([features, np.ones((len(rows), 1), np.float32)], axis=1)
    gram = (features.T @ features).astype(np.float64)
    gram[np.diag_indices(len(gram) - 1)] += _RIDGE * np.trace(gram) / len(gram)
    factor = scipy.linalg.cho_factor(gram, check_finite=False)
    second = fitted.second.reshape(len(fitted.second), -1)
    solution = np.concatenate([second, fitted.bias[:, None]], axis=1).T.astype(np.float32)
    best, least = solution, np.inf
    for penalty in _PENALTIES:
        response = features @ solution + offset
        loss = float(np.square(wanted - np.maximum(response, 0)).sum())
        if loss < least:
            best, least = solution, loss
        auxiliary = _auxiliary(response, wanted, penalty)
        solution = scipy.linalg.cho_solve(factor, features.T @ (auxiliary - offset), check_finite=False)
        solution = solution.astype(np.float32)
    best_second = np.ascontiguousarray(best[:-1].T).reshape(len(fitted.second), -1, rank)
    return replace(fitted, second=best_second, bias=best[-1].astype(np.float64))


def _auxiliary(response: F32, wanted: F32, penalty: float) -> F32:
    """The u that minimizes (wanted - relu(u))^2 + penalty (u - response)^2, element by element."""
    below = np.minimum(response, 0)
    above = np.maximum((penalty * response + wanted) / (penalty + 1), 0)
    cost_below = np.square(wanted) + penalty * np.square(below - response)
    cost_above = np.square(wanted - above) + penalty * np.square(above - response)
    chosen: F32 = np.where(cost_below < cost_above, below, above)
    return chosen
