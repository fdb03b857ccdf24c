"""What onnxruntime makes of a model on this machine: which layers it computes how, and where it has to convert."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx

from ..files import read_parts
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
    given = model.graph if isinstance(model, onnx.ModelProto) else read_parts(model).model.graph
    own = {tensor: node.name for node in given.node for tensor in node.output if node.name}
    nodes = [_Placed(_name(node, own), node) for node in deployed_model(model).graph.node]
    quantized = any(placed.node.op_type in _QUANTIZED for placed in nodes)
    return Layout(
        integer=sum(placed.node.op_type in INTEGER_LAYERS for placed in nodes),
        floating=tuple(one.name for one in nodes if quantized and one.node.op_type in _FLOAT_LAYERS),
        unblocked=tuple(
            one.name for one in nodes if one.node.op_type in _FLOAT_CONVOLUTIONS and one.node.domain != _BLOCKED_DOMAIN
        ),
        reorders=tuple(_reorders(nodes)),
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


@dataclass(frozen=True, slots=True)
class _Placed:
    """A node of the optimized graph, and what to call it."""

    name: str
    node: onnx.NodeProto


def _name(node: onnx.NodeProto, own: Mapping[str, str]) -> str:
    """What the model calls the node; onnxruntime calls blocked ones by the tensors that they make."""
    name = (node.name or next(iter(node.output), node.op_type)).removesuffix(_BLOCKED_SUFFIX)
    return own.get(name, name)


def _reorders(nodes: Sequence[_Placed]) -> Iterator[str]:
    makers = {tensor: placed.name for placed in nodes for tensor in placed.node.output}
    readers: dict[str, list[str]] = {}
    for placed in nodes:
        for tensor in placed.node.input:
            readers.setdefault(tensor, []).append(placed.name)
    for node in (placed.node for placed in nodes):
        if node.op_type in REORDERS and not _is_models_own(node):
            behind = ", ".join(readers.get(node.output[0], ())) or "the output"
            yield f"{node.op_type} after {makers.get(node.input[0], 'the input')}, before {behind}"


def _is_models_own(node: onnx.NodeProto) -> bool:
    """Whether a Transpose is none of those between NCHW and NHWC."""
    orders = [list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"]
    return node.op_type == "Transpose" and orders not in ([[0, 2, 3, 1]], [[0, 3, 1, 2]])
