"""What a rule of the exact pass is: where it matches, what it does there, and what that is worth on the target."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.cost import Shape, infer_shapes, infer_types
from ..graph import to_parts
from ..layers import Layer, list_layers
from ..targets import Target, Work
from ..targets.work import layer_work


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a rule would do at one place.

    Attributes:
        what: what becomes of the node, for the report.
        apply: does it.
        gain_ms: predicted milliseconds saved on the target per sample; infinite for what never costs time.
    """

    what: str
    apply: Callable[[], None]
    gain_ms: float = math.inf


def _beginning(values: NDArray[np.generic]) -> bytes:
    """Of an array's elements: most arrays differ there, and need not be read on."""
    return np.asarray(values.flat[:16]).tobytes()


class Scene:
    """The graph that rules look at, and what they may want to know about it.

    Shapes are inferred when a rule first asks for them, so tensors that were made after that have none.

    Args:
        graph: is rewritten in place.
        target: the runtime that shall become faster.
        input_shapes: of inputs whose sizes the model leaves open, for predictions.
    """

    def __init__(
        self, graph: gs.Graph, target: Target, input_shapes: Mapping[str, Sequence[int]] | None = None
    ) -> None:
        self.graph = graph
        self.target = target
        self._input_shapes = input_shapes

    @cached_property
    def _true_shapes(self) -> dict[str, Shape]:
        return infer_shapes(to_parts(self.graph), batch=None)

    @cached_property
    def _types(self) -> dict[str, int]:
        return infer_types(to_parts(self.graph))

    @cached_property
    def _sizes(self) -> dict[str, Shape]:
        return infer_shapes(to_parts(self.graph), input_shapes=self._input_shapes)

    @cached_property
    def originals(self) -> dict[str, gs.Constant]:
        """For each initializer that has equals, the first of them."""
        alike: dict[tuple[str, tuple[int, ...], bytes], list[gs.Constant]] = {}
        for tensor in self.graph.tensors(check_duplicates=False).values():
            if isinstance(tensor, gs.Constant):
                kind = (str(tensor.values.dtype), tensor.values.shape, _beginning(tensor.values))
                alike.setdefault(kind, []).append(tensor)
        found: dict[str, gs.Constant] = {}
        for tensors in alike.values():
            seen: dict[bytes, gs.Constant] = {}
            for tensor in tensors if len(tensors) > 1 else ():
                digest = hashlib.sha256(np.ascontiguousarray(tensor.values).reshape(-1).view(np.uint8).data).digest()
                found[tensor.name] = seen.setdefault(digest, tensor)
        return found

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {id(node): index for index, node in enumerate(self.graph.nodes)}

    def position(self, node: gs.Node) -> int:
        """Where `node` stands in the order of computation; what was made later stands last."""
        return self._positions.get(id(node), len(self._positions))

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Each Conv and Gemm with constant weights, with its sizes for predictions, by name of the node."""
        layers, _ = list_layers(self.graph, self._sizes, "all")
        return {layer.name: layer for layer in layers}

    @cached_property
    def works(self) -> dict[str, Work]:
        """What each of them asks of the runtime at batch 1."""
        return {name: layer_work(layer) for name, layer in self.layers.items()}

    def shape(self, tensor: gs.Tensor) -> Shape | None:
        """The shape of `tensor`, None for dimensions that may vary; None if not even the rank is known."""
        return self._true_shapes.get(tensor.name)

    def size(self, tensor: gs.Tensor) -> tuple[int, ...] | None:
        """The shape of `tensor` at batch 1, for predictions only; None if that is not known."""
        sizes = self._sizes.get(tensor.name)
        return None if sizes is None or None in sizes else tuple(size or 0 for size in sizes)

    def is_float(self, tensor: gs.Tensor) -> bool:
        """Whether `tensor` is known to hold float32 numbers."""
        return self._types.get(tensor.name) == onnx.TensorProto.FLOAT

    def channels(self, tensor: gs.Tensor) -> int | None:
        """C of a tensor (batch, C, ...); None if that is not known."""
        shape = self.shape(tensor)
        return shape[1] if shape is not None and len(shape) > 1 else None

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        return int(self.graph.opset)


@dataclass(frozen=True, slots=True)
class Rule:
    """One exact rewrite.

    Attributes:
        name: of the rule and of its file.
        operators: of the nodes that the pattern is anchored at; None for any.
        match: what the rule would do at a node of these operators; the reason where the pattern is there but must be
            left alone; None where it is not there.
        targets: runtimes that become faster; None for rules that simplify and cost no runtime anything.
        recounts: whether it changes the number of multiply-accumulates for the sake of speed.
    """

    name: str
    operators: frozenset[str] | None
    match: Callable[[gs.Node, Scene], Rewrite | str | None]
    targets: frozenset[str] | None = field(default=None)
    recounts: bool = False

    @property
    def simplifies(self) -> bool:
        """Whether it leaves less to do everywhere, as opposed to putting faster operators in the place of slow ones."""
        return self.targets is None
