"""Static quantization of a prepared graph: observe, equalize, choose grids, place, round."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import onnx_graphsurgeon as gs

from ...runtime_check.cost import Shape, count, infer_shapes
from ...runtime_check.session import Feeds
from ..graph import to_parts
from ..layers import Layer, list_layers
from ..statistics import Batches, Sampling
from .absorb import absorb_biases
from .channel_steps import separate_channels
from .equalize import ChannelRanges, equalize
from .grid import WEIGHT_BITS, Grid, activation_grid
from .histogram import Histogram
from .observe import channel_ranges, histograms
from .placement import Placement, place
from .ranges import RangeMethod, choose_range
from .reconstruct import Fit, Repairs, fit_weights
from .subset import Subset
from .ties import Steps, layer_steps, step_between, untie_grids
from .weights import layer_scales, rounded_to_nearest
from .write_qdq import write_qdq, write_weights

MOST_DIMENSIONS = 5000
"""Layers with longer filters are rounded to the nearest: their second moments alone would take 200 MB."""

FIT_BYTES = 1 << 27
"""Of the calibration images that are kept in memory."""


@dataclass(frozen=True, slots=True)
class StaticSettings:
    """How a network is quantized.

    Attributes:
        ranges: method for the grids of activations.
        equalized: whether channels are rescaled across layers first.
        absorbed: whether constant parts of activations are moved into later biases before that.
        repairs: how weights are rounded.
        bits: of weights and activations.
        signed: s8 activations instead of u8.
        quantize_outputs: whether heads compute in integers too.
        float_ends: whether first and last layers stay float where they are sensitive.
        sampling: of patches for rounding.
        fit_images: rounding uses at least so many images, where there are as many, and less than twice as many.
    """

    ranges: RangeMethod = "mse"
    equalized: bool = True
    absorbed: bool = True
    repairs: Repairs = field(default_factory=Repairs)
    bits: int = 8
    signed: bool = False
    quantize_outputs: bool = False
    float_ends: bool = False
    sampling: Sampling = field(default_factory=lambda: Sampling(samples=64, memory=1 << 28))
    fit_images: int = 96


@dataclass(frozen=True, slots=True)
class Observed:
    """A float network, equalized, and what calibration data says of it.

    Attributes:
        graph: the network.
        shapes: of its tensors.
        layers: its layers.
        macs: of every node, by name.
        histograms: of every tensor that may be quantized.
        images: some calibration batches, kept in memory.
        equalized: names of the layers that equalization changed.
    """

    graph: gs.Graph
    shapes: Mapping[str, Shape]
    layers: Sequence[Layer]
    macs: Mapping[str, int]
    histograms: Mapping[str, Histogram]
    images: Sequence[Feeds]
    equalized: Sequence[str]


def observe(
    graph: gs.Graph, batches: Batches, settings: StaticSettings, input_shapes: Mapping[str, Sequence[int]]
) -> Observed:
    """Equalize `graph` in place and gather what its grids are chosen from.

    Raises:
        DataError: there is no data, or it makes NaN or infinity somewhere.
    """
    parts = to_parts(graph)
    shapes = infer_shapes(parts, input_shapes=input_shapes)
    macs = {node.name: node.macs for node in count(parts, shapes).nodes}
    layers, _ = list_layers(graph, shapes, "all")
    changed: list[str] = []
    if (settings.equalized or settings.absorbed) and layers:
        subset = Subset(batches, settings.fit_images, FIT_BYTES)
        ranges = channel_ranges(graph, [layer.node.inputs[0].name for layer in layers], subset)
        if not settings.repairs.fits:
            batches = subset.kept  # quick: histograms need fewer images than extremes
        changed = _rescale(graph, layers, ranges, settings, input_shapes)
        if settings.equalized and not settings.signed:  # onnxruntime fuses no s8 with steps per channel behind it
            placement = place(graph, macs, quantize_outputs=settings.quantize_outputs)
            layers, _ = list_layers(graph, infer_shapes(to_parts(graph), input_shapes=input_shapes), "all")
            changed += separate_channels(graph, layers, placement, subset.kept, settings.bits)
        shapes = infer_shapes(to_parts(graph), input_shapes=input_shapes)
        layers, _ = list_layers(graph, shapes, "all")
    placement = place(graph, macs, quantize_outputs=settings.quantize_outputs)
    subset = Subset(batches, settings.fit_images, FIT_BYTES)
    seen = histograms(graph, placement.groups, subset)
    return Observed(graph, shapes, layers, macs, seen, subset.kept, changed)


def _rescale(
    graph: gs.Graph,
    layers: Sequence[Layer],
    ranges: Mapping[str, ChannelRanges],
    settings: StaticSettings,
    input_shapes: Mapping[str, Sequence[int]],
) -> list[str]:
    """Shift and scale channels, which changes nothing but how well one grid serves them; names of changed layers."""
    changed: list[str] = []
    if settings.absorbed:
        shifted, ranges = absorb_biases(graph, layers, ranges)
        changed += [new.name for old, new in zip(layers, shifted, strict=True) if new is not old]
        layers = shifted
    if settings.equalized:
        shapes = infer_shapes(to_parts(graph), input_shapes=input_shapes)
        changed += equalize(graph, layers, ranges, shapes, settings.bits)
    return list(dict.fromkeys(changed))


def quantize_static(
    observed: Observed, settings: StaticSettings, kept: Collection[str] = (), *, sequential: bool = False
) -> tuple[gs.Graph, Placement]:
    """The quantized network, with the layers `kept` left float; `observed` stays as it is.

    Args:
        observed: the float network and its data.
        settings: how to quantize.
        kept: names of layers that stay float.
        sequential: whether weights are fitted layer by layer to the quantized network; they always are below 8 bits,
            where that is allowed.
    """
    graph = observed.graph.copy()
    placement = place(graph, observed.macs, kept=kept, quantize_outputs=settings.quantize_outputs)
    grids = choose_grids(placement, observed.histograms, settings)
    grids = untie_grids(graph, placement, grids, observed.shapes)
    steps = layer_steps(graph, placement, grids)
    write_qdq(graph, placement, grids)
    graph.toposort()
    sequential |= settings.repairs.sequential and settings.bits < WEIGHT_BITS
    _write_weights(graph, observed, steps, settings, sequential=sequential)
    graph.toposort()
    return graph, placement


def _write_weights(
    graph: gs.Graph,
    observed: Observed,
    steps: Mapping[str, Steps],
    settings: StaticSettings,
    *,
    sequential: bool,
) -> None:
    """Integer weights for every layer that lies between grids: fitted where the repairs ask for that."""
    layers = [layer for layer in observed.layers if layer.name in steps]
    nodes = {node.name: node for node in graph.nodes}
    repairs, bits = settings.repairs, settings.bits
    fitting = [layer for layer in layers if repairs.fits and fittable(layer)]
    names = {layer.name for layer in fitting}
    for layer in layers:
        if layer.name not in names:
            around = steps[layer.name]
            scales = layer_scales(layer, around, bits=bits, clipped=repairs.clipped)
            write_weights(graph, nodes[layer.name], rounded_to_nearest(layer, scales, bits=bits), around)
    fits = [Fit(layer, steps[layer.name]) for layer in fitting]
    fit_weights(
        observed.graph, graph, fits, observed.images,
        sampling=settings.sampling, repairs=repairs, sequential=sequential, bits=bits,
    )  # fmt: skip


def fittable(layer: Layer) -> bool:
    """Whether the layer can be rounded by reconstruction."""
    channels, height, width = layer.kernel_shape
    return channels * height * width <= MOST_DIMENSIONS and layer.node.op != "MatMul"


def choose_grids(
    placement: Placement, histograms: Mapping[str, Histogram], settings: StaticSettings
) -> dict[str, Grid]:
    """The grid of every group of tensors; scores are never clipped, which on MobileNet v1 makes 2 dB."""
    merged: dict[str, Histogram] = {}
    for name, group in placement.groups.items():
        merged[group] = merged[group].merged(histograms[name]) if group in merged else histograms[name]
    return {
        group: _grid(histogram, settings, "minmax" if group in placement.answers else settings.ranges)
        for group, histogram in merged.items()
    }


def _grid(histogram: Histogram, settings: StaticSettings, method: RangeMethod) -> Grid:
    """The grid of a tensor; pixels, which are few numbers, shall not lie half-way between its steps."""
    ends = choose_range(histogram, method, bits=settings.bits)
    grid = activation_grid(*ends, bits=settings.bits, signed=settings.signed)
    return grid if histogram.numbers is None else replace(grid, scale=step_between(grid.scale, histogram.numbers))
