"""Fit the layers of a pruned network, first to last, on what it really feeds them.

Asymmetric reconstruction: inputs come from the network pruned and fitted so far, targets from the original network.
Behind a Relu the error is measured after it, and responses are made as strong as they were; where a shortcut is added,
the layer makes up for the shortcut's error (He et al., *Channel pruning for accelerating very deep neural networks*,
2017, sections 3.1 and 3.3).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...progress import track
from ..continued import Continued
from ..graph import unique_name
from ..layers import Layer
from ..pulled_fit import Pulled, fit_pulled
from ..relu_fit import fit_through_relu, strengthened
from ..sampling import positions, values_at
from ..shrinkage import effective_count
from ..statistics import Batches, Sampling, Statistics, sample_batch
from ..surroundings import Surroundings, surroundings, waves
from .channels import Coupling
from .cutting import kept_of
from .quadratic import quadratics

F32 = NDArray[np.float32]
Kept = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of a layer.

    Attributes:
        layer: as it was.
        read: (C/G,) the channels it still reads.
        made: (N,) the channels it still makes.
    """

    layer: Layer
    read: Kept
    made: Kept


def what_remains(coupling: Coupling, layers: Mapping[str, Layer], removed: Collection[int]) -> dict[str, Remaining]:
    """What is left of each layer once the channels whose roots are `removed` are gone, by name."""
    reads = {port.node.name: kept_of(coupling, port.atoms, removed) for port in coupling.consumers}
    makes = {port.node.name: kept_of(coupling, port.atoms, removed) for port in coupling.producers}
    return {
        name: Remaining(
            layer,
            reads.get(name, np.ones(layer.weight.shape[1], dtype=bool)),
            makes.get(name, np.ones(layer.filters, dtype=bool)),
        )
        for name, layer in layers.items()
    }


def refit(
    graphs: tuple[gs.Graph, gs.Graph],
    layers: Sequence[Layer],
    remaining: Mapping[str, Remaining],
    statistics: Statistics,
    *,
    batches: Batches,
    sampling: Sampling,
) -> None:
    """Give every one of `layers` the weights with which the network is closest to the original.

    Args:
        graphs: the pruned network, which is changed, and the original.
        layers: of the pruned network.
        remaining: what is left of them, by name.
        statistics: of the original network.
        batches: the data that they were gathered from.
        sampling: likewise.
    """
    around = {layer.name: surroundings(graphs[0], layer) for layer in layers}
    sizes = {
        layer.name: 4 * statistics[layer.name].count * layer.group * math.prod(layer.kernel_shape) for layer in layers
    }
    runs = (Continued(graphs[0], batches, sampling.memory), Continued(graphs[1], batches, sampling.memory))
    for wave in track(list(waves(graphs[0], layers, sizes, sampling.memory)), "Fitting the pruned network"):
        collected = _collect(runs, wave, around, sampling)
        for layer in wave:
            left, samples = remaining[layer.name], collected[layer.name]
            weight, bias = _fit(layer, left, statistics, samples, around[layer.name])
            _store(graphs[0], layer, weight, bias)


@dataclass(slots=True)
class _Samples:
    """Patches (S, G, D) of each batch, the shortcut's values (S, N), pruned and original, and how many images."""

    inputs: list[F32]
    shortcuts: list[F32]
    originals: list[F32]
    images: int = 0


def _collect(
    runs: tuple[Continued, Continued], layers: Sequence[Layer], around: Mapping[str, Surroundings], sampling: Sampling
) -> dict[str, _Samples]:
    """Stream the data through both networks and sample what the layers of one wave need."""
    added = [name for layer in layers if (name := around[layer.name].shortcut) is not None]
    pruned = runs[0].run([*(layer.node.inputs[0].name for layer in layers), *added])
    reference = runs[1].run(added)
    samples = {layer.name: _Samples([], [], []) for layer in layers}
    for tensors, originals in zip(pruned, reference, strict=True):
        for layer in layers:
            own, shortcut = samples[layer.name], around[layer.name].shortcut
            batch = np.asarray(tensors[layer.node.inputs[0].name], np.float32)
            own.inputs.append(sample_batch(layer, batch, own.images, sampling))
            if shortcut is not None:
                pairs = zip(np.asarray(tensors[shortcut]), np.asarray(originals[shortcut]), strict=True)
                for offset, (changed, original) in enumerate(pairs):
                    where = positions(layer, own.images + offset, sampling.samples, sampling.seed)
                    own.shortcuts.append(values_at(layer, changed, where))
                    own.originals.append(values_at(layer, original, where))
            own.images += len(batch)
    return samples


def _fit(
    layer: Layer, left: Remaining, statistics: Statistics, samples: _Samples, around: Surroundings
) -> tuple[F32, F32]:
    """The weights (N, C/G, kh, kw) and biases of what is left of one layer."""
    intercept = layer.node.op != "MatMul"
    targets = statistics[layer.name].responses[:, left.made]
    shortcut: F32 | float = 0.0
    if samples.shortcuts:
        shortcut = np.concatenate(samples.shortcuts)
        targets = targets + np.concatenate(samples.originals)[:, left.made]
    inputs = np.ascontiguousarray(np.concatenate(samples.inputs).transpose(1, 0, 2))
    count = effective_count(layer, inputs.shape[1])
    fitted = fit_pulled(
        list(inputs),
        np.split(targets - shortcut, layer.group, axis=1),
        _priors(left, statistics),
        count=count,
        images=samples.images,
        intercept=intercept,
    )
    solutions = [it.coefficients for it in fitted]
    if around.slopes is not None and intercept and inputs.shape[1] > inputs.shape[2]:  # fewer are all met already
        solutions = _through_relu(inputs, fitted, targets, shortcut, slopes=around.slopes, count=count)
    weight = np.concatenate([solution[:-1].T for solution in solutions])
    bias = np.concatenate([solution[-1] for solution in solutions])
    return weight.reshape(targets.shape[1], int(left.read.sum()), *layer.weight.shape[2:]), bias


def _through_relu(
    inputs: F32, fitted: Sequence[Pulled], wanted: F32, shortcut: F32 | float, *, slopes: F32, count: float
) -> list[F32]:
    """Better solutions of every convolution group, the error being measured behind a rectifier."""
    ridge, group = inputs.shape[2] / count, len(inputs)
    offsets: Sequence[F32 | float]
    offsets = [shortcut] * group if isinstance(shortcut, float) else np.split(shortcut, group, axis=1)
    parts = zip(
        inputs,
        fitted,
        np.split(wanted, group, axis=1),
        offsets,
        np.split(slopes, group),
        strict=True,
    )
    fits = []
    for rows, linear, right, offset, slope in parts:
        start, known = linear.coefficients, linear.moments
        better = fit_through_relu(rows, start, right, offset, slopes=slope, prior=start, ridge=ridge, moments=known)
        # a shortcut is no part of the response; behind a PRelu and depthwise it gained nothing
        fades = group == 1 and isinstance(offset, float) and not slope.any()
        fits.append(strengthened(rows, better, right) if fades else better)
    return fits


def _priors(left: Remaining, statistics: Statistics) -> list[F32]:
    """(D', N) for each convolution group: the weights that fit the original network's own features."""
    if statistics[left.layer.name].projection is not None:
        return [np.ascontiguousarray(left.layer.weight[np.ix_(left.made, left.read)].T)]
    classes = np.full(len(left.read), -1)
    forms = quadratics(left.layer, statistics[left.layer.name], classes)
    made = left.made.reshape(left.layer.group, -1)
    made_of = [replace(form, kernel=form.kernel[rows]) for form, rows in zip(forms, made, strict=True) if rows.any()]
    kernels = [form.kernel if left.read.all() else form.refitted(left.read)[0] for form in made_of]
    return [kernel.T.astype(np.float32) for kernel in kernels]


def _store(graph: gs.Graph, layer: Layer, weight: F32, bias: F32) -> None:
    node = layer.node
    turned = node.op == "MatMul" or (node.op == "Gemm" and not node.attrs.get("transB", 0))
    stored = np.ascontiguousarray(weight.T if turned else weight, dtype=np.float32)
    node.inputs[1] = gs.Constant(unique_name(graph, f"{layer.name}.weight"), stored)
    if node.op != "MatMul":
        constant = gs.Constant(unique_name(graph, f"{layer.name}.bias"), np.ascontiguousarray(bias, dtype=np.float32))
        node.inputs = [*node.inputs[:2], constant]
