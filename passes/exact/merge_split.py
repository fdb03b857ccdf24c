"""`merge_split`: convolutions of a Split's parts, side by side again, as one convolution in groups.

Proof sketch: group g of a convolution in groups reads the g-th part of the channels and gives the g-th part of the
result: what Split, a convolution of each part and Concat spell out. Exporters write AlexNet's two towers so, and
depthwise layers channel by channel. Only there, and where groups fill the blocks of the runtime's layout, is it faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values
from .edit import constant, producer, reads_alone, replace
from .rule import Rewrite, Rule, Scene

_GEOMETRY = ("strides", "pads", "dilations", "auto_pad")


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the convolutions."""

    node: gs.Node
    weight: NDArray[np.generic]
    bias: NDArray[np.generic] | None


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A Concat of channels of Convs with constant weights of one shape, each of the next part of one Split."""
    if len(node.inputs) < 2 or node.attrs.get("axis") != 1:
        return None
    found = [_part(scene.graph, node, tensor) for tensor in node.inputs]
    parts = [part for part in found if part is not None]
    split = _split_before(parts[0].node) if len(parts) == len(found) else None
    if split is None or split.attrs.get("axis", 0) != 1 or len(split.outputs) != len(parts):
        return None
    in_order = all(part.node.inputs[0] is output for part, output in zip(parts, split.outputs, strict=True))
    if not in_order or len({_kind(part) for part in parts}) > 1:
        return f"the convolutions of the parts of {split.name} differ"
    filters, width = parts[0].weight.shape[:2]
    group = int(parts[0].node.attrs.get("group", 1))
    block = scene.target.block
    gains = width == 1 or (width % block == 0 and filters // group % block == 0)
    return Rewrite(
        f"{len(parts)} convolutions of {width * group} channels as one in groups",
        lambda: _apply(scene.graph, node, split, parts),
        math.inf if gains else 0.0,
    )


def _split_before(node: gs.Node) -> gs.Node | None:
    """The Split that a node's first input is a part of."""
    source = node.inputs[0]
    return source.inputs[0] if len(source.inputs) == 1 and source.inputs[0].op == "Split" else None


def _part(graph: gs.Graph, node: gs.Node, tensor: gs.Tensor) -> _Part | None:
    conv = producer(tensor, "Conv")
    weight = constant_values(conv.inputs[1]) if conv is not None else None
    if conv is None or weight is None or not reads_alone(graph, node, tensor):
        return None
    has_bias = len(conv.inputs) > 2 and bool(conv.inputs[2].name)
    bias = constant_values(conv.inputs[2]) if has_bias else None
    return None if has_bias and bias is None else _Part(conv, weight, bias)


def _kind(part: _Part) -> tuple[object, ...]:
    return (part.weight.shape, part.node.attrs.get("group", 1), *(str(part.node.attrs.get(n)) for n in _GEOMETRY))


def _apply(graph: gs.Graph, node: gs.Node, split: gs.Node, parts: list[_Part]) -> None:
    attributes = dict(parts[0].node.attrs)
    attributes["group"] = int(attributes.get("group", 1)) * len(parts)
    inputs = [split.inputs[0], constant(graph, f"{node.name}.weight", np.concatenate([p.weight for p in parts]))]
    if any(part.bias is not None for part in parts):
        biases = [np.zeros(len(p.weight), p.weight.dtype) if p.bias is None else p.bias for p in parts]
        inputs.append(constant(graph, f"{node.name}.bias", np.concatenate(biases)))
    replace(graph, node, "Conv", inputs, attributes)


RULE = Rule("merge_split", frozenset({"Concat"}), match, targets=frozenset({"onnxruntime"}))
