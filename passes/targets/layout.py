"""Which tensors onnxruntime keeps in blocks of channels, and which nodes it fuses into the convolution before them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from ...runtime_check.cost import Shape
from .features import Blocks, is_blocked, takes_plain_input
from .work import FLOAT_BYTES, Work

FUSED_ACTIVATIONS = frozenset({"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid"})
POOLS = frozenset({"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"})

_FOLLOWERS = frozenset({"Relu", "Sigmoid", "Tanh", "BatchNormalization", "Identity", "Dropout"})
"""Operators that run in whatever layout they are given."""

_JOINS = frozenset({"Add", "Sum", "Mul", "Concat"})
"""Operators that stay in blocks if all their inputs are."""


class Layout:
    """Follows the layout through a graph, node by node in their order.

    Args:
        shapes: of all tensors.
        blocks: the runtime's blocked layout.
    """

    def __init__(self, shapes: Mapping[str, Shape], blocks: Blocks) -> None:
        self._shapes = shapes
        self._blocks = blocks
        self._blocked: set[str] = set()
        self._both: set[str] = set()

    def crossing_gb(self, node: gs.Node, work: Work | None) -> float:
        """Gigabytes that are reordered so that `node` can run; each tensor is reordered once for all its consumers."""
        wants, gives = self._layouts(node, work)
        if gives:
            self._blocked.update(output.name for output in node.outputs)
        crossed = 0.0
        for tensor in activations(node):
            has = tensor.name in self._blocked
            if wants is None or wants == has or tensor.name in self._both or self._is_vector(tensor.name):
                continue
            self._both.add(tensor.name)
            crossed += self.gigabytes(tensor.name)
        return crossed

    def gigabytes(self, tensor: str) -> float:
        """Size of a float tensor; 0 where its shape is not known."""
        return 1e-9 * FLOAT_BYTES * self.elements(tensor)

    def elements(self, tensor: str) -> int:
        """Elements of a tensor; 0 where its shape is not known."""
        shape = self._shapes.get(tensor, ())
        return math.prod(size or 0 for size in shape) if shape else 0

    def _layouts(self, node: gs.Node, work: Work | None) -> tuple[bool | None, bool]:
        """Whether the node wants its inputs blocked (None: as they are), and whether its output is."""
        if node.op == "Conv" and work is not None:
            blocked = is_blocked(work, self._blocks)
            return blocked and not takes_plain_input(work, self._blocks), blocked
        inputs = [tensor.name in self._blocked for tensor in activations(node)]
        if node.op in POOLS:
            aligned = self._channels(node.inputs[0].name) % self._blocks.size == 0
            return aligned, aligned
        if node.op in _FOLLOWERS or is_fused(node):
            return None, bool(inputs) and inputs[0]
        if node.op in _JOINS and inputs and all(inputs) and self._joins_in_blocks(node):
            return None, True
        return False, False

    def _joins_in_blocks(self, node: gs.Node) -> bool:
        if node.op == "Concat":
            return node.attrs.get("axis") == 1 and all(
                self._channels(tensor.name) % self._blocks.size == 0 for tensor in node.inputs
            )
        shapes = {self._shapes.get(tensor.name) for tensor in node.inputs}
        return len(shapes) == 1

    def _channels(self, tensor: str) -> int:
        shape = self._shapes.get(tensor, ())
        return (shape[1] or 1) if len(shape) == 4 else 1

    def _is_vector(self, tensor: str) -> bool:
        """One position per channel lies the same in both layouts, but for the reorder's own call."""
        return all(size == 1 for size in self._shapes.get(tensor, ())[2:])


def is_fused(node: gs.Node) -> bool:
    """Whether onnxruntime computes this node inside the convolution or product that feeds it."""
    if _is_affine(node):
        return _continues_conv(node.inputs)
    if node.op not in FUSED_ACTIVATIONS or not node.inputs:
        return False
    producer = _only_producer(node.inputs[0])
    return producer is not None and (
        producer.op in {"Conv", "Gemm"} or (_is_affine(producer) and is_fused(producer)) or is_residual(producer)
    )


def is_residual(node: gs.Node) -> bool:
    """Whether an Add accumulates into a convolution that feeds it."""
    return node.op in {"Add", "Sum"} and len(activations(node)) == 2 and _continues_conv(node.inputs)


def is_summed(node: gs.Node) -> bool:
    """Whether such an Add reads what the node makes."""
    return any(is_residual(reader) for reader in node.outputs[0].outputs)


def _is_affine(node: gs.Node) -> bool:
    """Whether the node scales and shifts channels by constants, which folds into weights."""
    return node.op == "BatchNormalization" or (node.op in {"Mul", "Add", "Sub"} and len(activations(node)) == 1)


def _continues_conv(tensors: Sequence[gs.Tensor]) -> bool:
    """Whether one of `tensors` comes from a Conv, or from what folds into one, and goes nowhere else."""
    producers = [producer for tensor in tensors if (producer := _only_producer(tensor)) is not None]
    return any(producer.op == "Conv" or (_is_affine(producer) and is_fused(producer)) for producer in producers)


def _only_producer(tensor: gs.Tensor) -> gs.Node | None:
    """The node that makes `tensor` for one consumer alone."""
    return tensor.inputs[0] if len(tensor.inputs) == 1 and len(tensor.outputs) == 1 else None


def activations(node: gs.Node) -> list[gs.Tensor]:
    """Those inputs of a node that are no constants."""
    return [tensor for tensor in node.inputs if isinstance(tensor, gs.Variable) and tensor.name]
