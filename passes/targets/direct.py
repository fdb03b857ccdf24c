"""Runtimes whose convolutions cost their MACs: onnxruntime, OpenVINO, and what is like them.

Latency is linear in a few amounts (`features`), with coefficients fitted on the machine (`calibrate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_graphsurgeon as gs

from ...runtime_check.cost import Shape
from ..layers import list_layers
from .coefficients import ONNXRUNTIME
from .features import Blocks, Features, crossing_gb, work_features
from .layout import Layout
from .operators import operator_features
from .rows import inner_work, moving_ms
from .target import FLOOR, NodeLatency, Target
from .work import Work, layer_work


@dataclass(frozen=True)
class DirectTarget(Target):
    """A runtime whose convolutions cost their MACs.

    Attributes:
        coefficients: milliseconds per unit of each feature.
        alignment: input channels that are no multiple of this cost extra (see `Blocks`).
        by_rows: whether the exact pass writes Winograd's algorithm along the rows for this runtime.
    """

    coefficients: Mapping[str, float] = field(default_factory=lambda: ONNXRUNTIME)
    alignment: int = FLOOR
    by_rows: bool = False

    def latency_ms(self, work: Work) -> float:
        """Predicted milliseconds of one Conv or product, layout changes at its edges included."""
        blocks = self.blocks
        found = work_features(work, blocks)
        found["crossing_gb"] = crossing_gb(work, blocks)
        return self.milliseconds(found)

    def final_ms(self, work: Work, *, summed: bool = False) -> float:
        """Predicted milliseconds, by rows where that is surely faster."""
        direct = self.latency_ms(work)
        inner = inner_work(work, self.block) if self.by_rows else None
        return direct if inner is None else min(direct, self.latency_ms(inner) + moving_ms(work, summed=summed))

    def graph_latency(self, graph: gs.Graph, shapes: Mapping[str, Shape]) -> list[NodeLatency]:
        """Predicted milliseconds of every node; a layout change counts to the node that asks for it."""
        return [
            NodeLatency(node.name, node.op, self.milliseconds(found))
            for node, found in graph_features(graph, shapes, self.blocks)
        ]

    @property
    def blocks(self) -> Blocks:
        """The runtime's layout."""
        return Blocks(self.block, self.alignment)

    def milliseconds(self, found: Features) -> float:
        """Amounts times coefficients."""
        return sum(self.coefficients.get(name, 0.0) * amount for name, amount in found.items())


def graph_features(graph: gs.Graph, shapes: Mapping[str, Shape], blocks: Blocks) -> list[tuple[gs.Node, Features]]:
    """What every node of `graph` amounts to."""
    layers, _ = list_layers(graph, shapes, "all")
    works = {layer.name: layer_work(layer) for layer in layers}
    layout = Layout(shapes, blocks)
    listed = []
    for node in graph.nodes:
        work = works.get(node.name)
        found = operator_features(node, layout) if work is None else work_features(work, blocks)
        crossed = layout.crossing_gb(node, work)
        if crossed:
            found["crossing_gb"] = found.get("crossing_gb", 0.0) + crossed
        listed.append((node, found))
    return listed
