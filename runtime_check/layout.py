"""What onnxruntime makes of a model on this machine: which layers it computes how, and where it has to convert."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import onnx

from .session import deployed_model

INTEGER_LAYERS = frozenset({
    "QLinearConv", "ConvInteger", "QGemm", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
})  # fmt: skip
"""What onnxruntime's optimizer makes of a layer between Q and DQ nodes, and the standard's own integer operators."""

REORDERS = frozenset({"ReorderInput", "ReorderOutput", "Transpose"})
"""To the blocked layout NCHWc, back from it, and between NCHW and the NHWC of integer convolutions."""

_FLOAT_LAYERS = frozenset({"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"})
_QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", *INTEGER_LAYERS})
_BLOCKED_DOMAIN = "com.microsoft.nchwc"
_BLOCKED_SUFFIX = "_nchwc"
_FLOAT_CONVOLUTIONS = frozenset({"Conv", "FusedConv"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model's nodes are laid out; nodes go by their names, or by the tensors that they make.

    Attributes:
        integer: how many layers compute in integers.
        floating: layers of a quantized model that compute in float all the same; empty for other models.
        unblocked: float convolutions outside NCHWc, onnxruntime's fastest layout for them.
        reorders: changes of layout, each with the node before it and those behind it.
    """

    integer: int
    floating: tuple[str, ...]
    unblocked: tuple[str, ...]
    reorders: tuple[str, ...]


def read_layout(model: onnx.ModelProto | str | os.PathLike[str]) -> Layout:
    """Have onnxruntime optimize a model for this machine, and read the result back.

    Args:
        model: a path or a model.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    graph = deployed_model(model).graph
    quantized = any(node.op_type in _QUANTIZED for node in graph.node)
    return Layout(
        integer=sum(node.op_type in INTEGER_LAYERS for node in graph.node),
        floating=_names(node for node in graph.node if quantized and node.op_type in _FLOAT_LAYERS),
        unblocked=_names(
            node for node in graph.node if node.op_type in _FLOAT_CONVOLUTIONS and node.domain != _BLOCKED_DOMAIN
        ),
        reorders=tuple(_reorders(graph)),
    )


def describe_layout(layout: Layout) -> str:
    """How many nodes are worth a look, in words; empty if none are."""
    said = []
    if layout.integer or layout.floating:
        said.append(f"{layout.integer} layers compute in integers, {len(layout.floating)} stayed float")
    if layout.unblocked:
        said.append(f"{len(layout.unblocked)} float convolutions run outside NCHWc")
    if layout.reorders:
        said.append(f"{len(layout.reorders)} changes of layout")
    return "; ".join(said)


def _names(nodes: Iterable[onnx.NodeProto]) -> tuple[str, ...]:
    return tuple(_name(node) for node in nodes)


def _name(node: onnx.NodeProto) -> str:
    return (node.name or next(iter(node.output), node.op_type)).removesuffix(_BLOCKED_SUFFIX)


def _reorders(graph: onnx.GraphProto) -> Iterator[str]:
    makers = {tensor: _name(node) for node in graph.node for tensor in node.output}
    readers = _readers(graph)
    for node in graph.node:
        if node.op_type in REORDERS and not _is_models_own(node):
            behind = ", ".join(readers.get(node.output[0], ())) or "the output"
            yield f"{node.op_type} after {makers.get(node.input[0], 'the input')}, before {behind}"


def _readers(graph: onnx.GraphProto) -> Mapping[str, list[str]]:
    readers: dict[str, list[str]] = {}
    for node in graph.node:
        for tensor in node.input:
            readers.setdefault(tensor, []).append(_name(node))
    return readers


def _is_models_own(node: onnx.NodeProto) -> bool:
    """Whether a Transpose is none of those between NCHW and NHWC."""
    orders = [list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"]
    return node.op_type == "Transpose" and orders not in ([[0, 2, 3, 1]], [[0, 3, 1, 2]])
