"""What a target runtime makes of a model: which ranks and widths pay, and how many milliseconds it will take.

Predictions are for one thread at batch 1, in process CPU time. They add up over layers, so that a budget of latency is
one number per option.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import onnx
import onnx_graphsurgeon as gs

from ...files import ModelParts, as_parts
from ...runtime_check.cost import Shape, infer_shapes
from ..graph import to_graph
from ..layers import Layer
from .layout import is_summed
from .work import Stage, Work, chain_works, layer_work

FLOOR = 4
"""Every runtime falls off its fast path at widths that are no multiple of this."""


@dataclass(frozen=True, slots=True)
class NodeLatency:
    """The predicted latency of one node.

    Attributes:
        name: the node's name.
        operator: its ONNX operator.
        latency_ms: predicted, 0 for what the runtime fuses or drops.
    """

    name: str
    operator: str
    latency_ms: float


@dataclass(frozen=True)
class Target(ABC):
    """A runtime on a CPU.

    Attributes:
        name: of the runtime, as in `--target`.
        block: ranks and widths worth offering are its multiples.
        source: where the coefficients come from, for reports.
    """

    name: str
    block: int
    source: str = "built-in defaults"

    winograd: ClassVar[bool] = False
    """Whether 3x3 convolutions cost less than their MACs, so that only forms that keep a 3x3 gain."""

    @abstractmethod
    def latency_ms(self, work: Work) -> float:
        """Predicted milliseconds of one Conv or product between neighbours in the runtime's own layout."""

    @abstractmethod
    def graph_latency(self, graph: gs.Graph, shapes: Mapping[str, Shape]) -> list[NodeLatency]:
        """Predicted milliseconds of every node of `graph`, in its order."""

    def final_ms(self, work: Work, *, summed: bool = False) -> float:
        """Predicted milliseconds of one Conv or product once exact rewrites have made it fit for this runtime.

        Args:
            work: the Conv or product.
            summed: whether a residual sum reads its result.
        """
        del summed
        return self.latency_ms(work)

    def layer_ms(self, layer: Layer) -> float:
        """Predicted milliseconds of `layer` as it is, but for exact rewrites."""
        return self.final_ms(layer_work(layer), summed=is_summed(layer.node))

    def chain_ms(self, layer: Layer, stages: Sequence[Stage]) -> float:
        """Predicted milliseconds of the chain `stages` in the place of `layer`."""
        *inner, last = chain_works(layer, stages)
        return sum(map(self.final_ms, inner)) + self.final_ms(last, summed=is_summed(layer.node))

    def model_latency_ms(self, model: onnx.ModelProto | ModelParts, shapes: Mapping[str, Shape] | None = None) -> float:
        """Predicted milliseconds of the whole model, what is neither Conv nor Gemm included.

        Args:
            model: any valid ONNX model.
            shapes: what `infer_shapes` gave, to save doing it again.
        """
        parts = as_parts(model)
        shapes = infer_shapes(parts) if shapes is None else shapes
        return sum(node.latency_ms for node in self.graph_latency(to_graph(parts), shapes))

    def useful_ranks(self, limit: int) -> Iterator[int]:
        """Ranks up to `limit` worth offering, ascending: the edges of the staircase of cost.

        Multiples of the block: between two of them the cost is that of the next. Where none fits, multiples of `FLOOR`.
        """
        step = self.block if limit >= self.block else min(self.block, FLOOR)
        yield from range(step, limit + 1, step)
