"""Runtimes whose convolutions cost their MACs: onnxruntime, OpenVINO, and what is like them.

Latency is linear in a few amounts (`features`), with coefficients fitted on the machine (`calibrate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_graphsurgeon as gs

from ...runtime_check.cost import Shape
from ..layers import Layer, list_layers
from .coefficients import DEFAULT_COEFFICIENTS
from .features import BLOCKS_AT_ONCE, Features, crossing_gb, work_features
from .layout import Layout
from .operators import operator_features
from .target import FLOOR, NodeLatency, Target
from .work import Work, layer_work


@dataclass(frozen=True)
class DirectTarget(Target):
    """A runtime whose convolutions cost their MACs.

    Attributes:
        coefficients: milliseconds per unit of each feature.
        aligned: whether the runtime computes in blocks of channels, so that odd widths cost extra.
    """

    coefficients: Mapping[str, float] = field(default_factory=lambda: DEFAULT_COEFFICIENTS)
    aligned: bool = True

    def latency_ms(self, work: Work) -> float:
        """Predicted milliseconds of one Conv or product, layout changes at its edges included."""
        block = self.layout_block
        found = work_features(work, block)
        found["crossing_gb"] = crossing_gb(work, block)
        return self.milliseconds(found)

    def graph_latency(self, graph: gs.Graph, shapes: Mapping[str, Shape]) -> list[NodeLatency]:
        """Predicted milliseconds of every node; a layout change counts to the node that asks for it."""
        return [
            NodeLatency(node.name, node.op, self.milliseconds(found))
            for node, found in graph_features(graph, shapes, self.layout_block)
        ]

    @property
    def layout_block(self) -> int:
        """Channels in a block of the runtime's layout; 1 where widths need no alignment."""
        return self.block if self.aligned else 1

    def milliseconds(self, found: Features) -> float:
        """Amounts times coefficients."""
        return sum(self.coefficients.get(name, 0.0) * amount for name, amount in found.items())

    def is_wasteful(self, rank: int) -> bool:
        """One block alone is the slowest way to compute: two cost hardly more."""
        return self.aligned and rank == self.block and rank > BLOCKS_AT_ONCE * FLOOR


def graph_features(graph: gs.Graph, shapes: Mapping[str, Shape], block: int) -> list[tuple[gs.Node, Features]]:
    """What every node of `graph` amounts to."""
    layers, _ = list_layers(graph, shapes, "all")
    works = {layer.name: layer_work(layer) for layer in layers}
    layout = Layout(shapes, block)
    listed = []
    for node in graph.nodes:
        work = works.get(node.name)
        found = operator_features(node, layout) if work is None else work_features(work, block)
        crossed = layout.crossing_gb(node, work)
        if crossed:
            found["crossing_gb"] = found.get("crossing_gb", 0.0) + crossed
        listed.append((node, found))
    return listed


def layers_of(graph: gs.Graph, shapes: Mapping[str, Shape]) -> dict[str, Layer]:
    """The Conv, Gemm and MatMul layers of `graph` by name."""
    return {layer.name: layer for layer in list_layers(graph, shapes, "all")[0]}
