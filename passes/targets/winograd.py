"""Runtimes that compute 3x3 convolutions by Winograd's algorithm: ncnn, MNN, OpenCV.

There a 3x3 costs less than its MACs and a 3x1 or 1x3 does not, so a count of MACs gets the sign of a rewrite wrong.
Latency is MACs over a rate, looked up in a table of (kernel, channels, height), interpolated.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ...runtime_check.cost import Shape
from .direct import graph_features, layers_of
from .target import NodeLatency, Target
from .work import Work, layer_work

Curve = tuple[tuple[float, float], ...]
"""(narrower channel count, GFLOP/s) ascending."""


@dataclass(frozen=True)
class Rates:
    """Effective GFLOP/s of one runtime on one core, and its cost of moving data.

    Attributes:
        curves: by kind of convolution (see `kind_of`).
        memory_ms_per_gb: for activations of everything else.
        weight_ms_per_gb: for products of one row.
    """

    curves: Mapping[str, Curve]
    memory_ms_per_gb: float = 60.0
    weight_ms_per_gb: float = 29.0


@dataclass(frozen=True)
class WinogradTarget(Target):
    """A runtime with a fast 3x3.

    Attributes:
        rates: its table.
    """

    rates: Rates = Rates({})
    winograd = True

    def latency_ms(self, work: Work) -> float:
        """Predicted milliseconds of one Conv or product."""
        if work.geometry is None:
            return work.weight_gb * self.rates.weight_ms_per_gb * max(1.0, work.rows / 16)
        return 1e3 * work.gflop / self.rate(work)

    def rate(self, work: Work) -> float:
        """Effective GFLOP/s of a Conv."""
        curve = self.rates.curves[kind_of(work)]
        return _interpolate(curve, min(work.shape[0], work.channels))

    def graph_latency(self, graph: gs.Graph, shapes: Mapping[str, Shape]) -> list[NodeLatency]:
        """Predicted milliseconds of every node; what is neither Conv nor product costs its bytes."""
        works = {name: layer_work(layer) for name, layer in layers_of(graph, shapes).items()}
        listed = []
        for node, found in graph_features(graph, shapes, 1):
            moved = sum(amount for name, amount in found.items() if name.startswith("op:"))
            ms = self.latency_ms(works[node.name]) if node.name in works else 8e-3 * moved * self.rates.memory_ms_per_gb
            listed.append(NodeLatency(node.name, node.op, ms))
        return listed


def kind_of(work: Work) -> str:
    """The column of the table: 'winograd' for what the algorithm can do, else by kernel."""
    if work.geometry is None:
        raise TypeError("a product has no kernel")
    if work.is_depthwise:
        return "depthwise"
    geometry = work.geometry
    plain = geometry.strides == (1, 1) and geometry.dilations == (1, 1) and work.group == 1
    if geometry.kernel == (3, 3) and plain:
        return "winograd"
    if geometry.kernel == (1, 1):
        return "pointwise"
    return "line" if 1 in geometry.kernel else "direct"


def _interpolate(curve: Sequence[tuple[float, float]], channels: float) -> float:
    """The rate at `channels`, linear in their logarithm between the measured points, constant beyond them."""
    if channels <= curve[0][0]:
        return curve[0][1]
    if channels >= curve[-1][0]:
        return curve[-1][1]
    index = bisect_left([point[0] for point in curve], channels)
    (x0, y0), (x1, y1) = curve[index - 1], curve[index]
    share = math.log(channels / x0) / math.log(x1 / x0)
    return y0 + share * (y1 - y0)
