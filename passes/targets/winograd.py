"""Runtimes that compute 3x3 convolutions by Winograd's algorithm: ncnn, MNN, OpenCV.

There a 3x3 costs less than its MACs and a 3x1 or 1x3 does not, so a count of MACs gets the sign of a rewrite wrong.
Latency is operations over a rate, from a table by kernel, channels and size, interpolated between its points.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import onnx_graphsurgeon as gs

from ...runtime_check.cost import Shape
from ..layers import list_layers
from .features import IMAGE_CHANNELS, Blocks, product_features
from .layout import Layout, is_fused
from .operators import FREE
from .rates import NCNN
from .target import NodeLatency, Target
from .work import Work, layer_work

Table = dict[int, dict[int, float]]
"""GFLOP/s by size, then by channels."""


@dataclass(frozen=True)
class WinogradTarget(Target):
    """A runtime with a fast 3x3.

    Attributes:
        coefficients: rates in GFLOP/s by `rate_name`; milliseconds per unit of what products amount to; 'op_gb',
            milliseconds per gigabyte that any other operator writes.
    """

    coefficients: Mapping[str, float] = field(default_factory=lambda: NCNN)
    winograd = True

    def latency_ms(self, work: Work) -> float:
        """Predicted milliseconds of one Conv or product."""
        if work.geometry is None:
            return sum(self.coefficients.get(name, 0.0) * amount for name, amount in product_features(work).items())
        return 1e3 * work.gflop / self.rate(work)

    def rate(self, work: Work) -> float:
        """Effective GFLOP/s of a Conv."""
        kind = kind_of(work)
        table = self._tables[kind]
        channels = work.shape[0] if kind == "image" else math.sqrt(work.shape[0] * work.channels)
        rates = {size: _interpolate(row, channels) for size, row in table.items()}
        return _interpolate(rates, max(work.output_size))

    def graph_latency(self, graph: gs.Graph, shapes: Mapping[str, Shape]) -> list[NodeLatency]:
        """Predicted milliseconds of every node; what is neither Conv nor product costs the bytes it writes."""
        works = {layer.name: layer_work(layer) for layer in list_layers(graph, shapes, "all")[0]}
        layout = Layout(shapes, Blocks(self.block))
        return [
            NodeLatency(node.name, node.op, self._node_ms(node, works.get(node.name), layout)) for node in graph.nodes
        ]

    def _node_ms(self, node: gs.Node, work: Work | None, layout: Layout) -> float:
        if work is not None:
            return self.latency_ms(work)
        if node.op in FREE or is_fused(node):
            return 0.0
        return self.coefficients["op_gb"] * sum(layout.gigabytes(output.name) for output in node.outputs)

    @cached_property
    def _tables(self) -> dict[str, Table]:
        tables: dict[str, Table] = {}
        for name, rate in self.coefficients.items():
            kind, at, point = name.partition("@")
            if at:
                channels, _, size = point.partition("x")
                tables.setdefault(kind, {}).setdefault(int(size), {})[int(channels)] = rate
        return tables


def rate_name(kind: str, channels: int, size: int) -> str:
    """The name of a rate among the coefficients: '3x3@64x28' for 64 channels at an output of 28x28."""
    return f"{kind}@{channels}x{size}"


def kind_of(work: Work) -> str:
    """The table's kind of convolution; '3x3' is what Winograd's algorithm can do."""
    if work.geometry is None:
        raise TypeError("a product has no kernel")
    geometry = work.geometry
    if work.is_depthwise:
        return "depthwise"
    if work.channels < IMAGE_CHANNELS:
        return "image"
    if geometry.kernel == (1, 1):
        return "1x1"
    if geometry.kernel == (3, 3) and work.group == 1 and {*geometry.strides, *geometry.dilations} == {1}:
        return "3x3"
    return "line" if 1 in geometry.kernel else "direct"


def _interpolate(points: Mapping[int, float], at: float) -> float:
    """The value at `at`, linear in its logarithm between the points, constant beyond them."""
    places: Sequence[int] = sorted(points)
    if at <= places[0]:
        return points[places[0]]
    if at >= places[-1]:
        return points[places[-1]]
    index = bisect_left(places, at)
    low, high = places[index - 1], places[index]
    share = math.log(at / low) / math.log(high / low)
    return points[low] + share * (points[high] - points[low])
