"""The compressible layers of a graph: their weights and geometry, in one form for Conv, Gemm and MatMul."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..runtime_check.cost import Shape, in_scope
from .averaged import Averaged, averaged
from .graph import constant_values

LayerScope = Literal["all", "conv", "fc", "kxk"]
"""Which layers may be rewritten, and what a ratio counts: `cost.Scope`, or the convolutions larger than 1x1."""

SPATIAL_RANK = 2
"""Low rank and pruning treat 2-D convolutions; others are left alone."""


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """How a 2-D convolution moves over its input; pairs are (vertical, horizontal).

    Attributes:
        kernel: kernel size.
        strides: strides.
        dilations: dilations.
        pads: zeros added at (top, left, bottom, right).
        group: G.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    group: int = 1

    def output_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(H, W) of the output for an input of (H, W), by ONNX Conv's definition."""
        (top, left, bottom, right) = self.pads
        padded = (size[0] + top + bottom, size[1] + left + right)
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilations, self.kernel, strict=True)]
        return (
            (padded[0] - spans[0]) // self.strides[0] + 1,
            (padded[1] - spans[1]) // self.strides[1] + 1,
        )

    def restricted(self, *, rows: bool, columns: bool) -> ConvGeometry:
        """The part that concerns the rows, the columns, both or neither (a 1x1 convolution)."""
        (top, left, bottom, right) = self.pads
        vertical = (self.kernel[0], self.strides[0], self.dilations[0], top, bottom) if rows else (1, 1, 1, 0, 0)
        horizontal = (self.kernel[1], self.strides[1], self.dilations[1], left, right) if columns else (1, 1, 1, 0, 0)
        return ConvGeometry(
            kernel=(vertical[0], horizontal[0]),
            strides=(vertical[1], horizontal[1]),
            dilations=(vertical[2], horizontal[2]),
            pads=(vertical[3], horizontal[3], vertical[4], horizontal[4]),
            group=self.group,
        )

    def attributes(self) -> dict[str, object]:
        """The attributes of an ONNX Conv node."""
        return {
            "kernel_shape": list(self.kernel),
            "strides": list(self.strides),
            "dilations": list(self.dilations),
            "pads": list(self.pads),
            "group": self.group,
        }


@dataclass(frozen=True, slots=True)
class Layer:
    """One Conv, Gemm or MatMul with constant weights.

    Attributes:
        name: its node's name.
        node: the node.
        weight: (N, C/G, kh, kw) of a Conv; (N, C) of a Gemm or MatMul, whichever way the node stores it.
        bias: (N,) or None.
        geometry: of a Conv; None for a Gemm or MatMul.
        input_size: (H, W) of a Conv's input.
        rows: how many rows a Gemm or MatMul multiplies per sample.
        macs: multiply-accumulates per sample.
        averaged: where only the mean of a Conv's output over the positions counts, the activation before that mean.
    """

    name: str
    node: gs.Node
    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    geometry: ConvGeometry | None
    input_size: tuple[int, int]
    rows: int
    macs: int
    averaged: Averaged | None = None

    @property
    def is_conv(self) -> bool:
        """Whether it is a convolution."""
        return self.geometry is not None

    @property
    def params(self) -> int:
        """Elements of weight and bias."""
        return self.weight.size + (0 if self.bias is None else self.bias.size)

    @property
    def filters(self) -> int:
        """N."""
        return int(self.weight.shape[0])

    @property
    def group(self) -> int:
        """G; 1 for a Gemm or MatMul."""
        return 1 if self.geometry is None else self.geometry.group

    @property
    def kernel_shape(self) -> tuple[int, int, int]:
        """(C/G, kh, kw) of one filter; (C, 1, 1) for a Gemm or MatMul."""
        if self.geometry is None:
            return (int(self.weight.shape[1]), 1, 1)
        return (int(self.weight.shape[1]), *self.geometry.kernel)

    @property
    def output_size(self) -> tuple[int, int]:
        """(H, W) of a Conv's output; (1, rows) of a Gemm or MatMul."""
        return (1, self.rows) if self.geometry is None else self.geometry.output_size(self.input_size)

    @property
    def depthwise(self) -> str | None:
        """Why a depthwise convolution has no low-rank form; None for every other layer."""
        if self.group > 1 and self.weight.shape[1] == 1:
            return "it is depthwise: its filters share no channels"
        return None

    @property
    def conv(self) -> ConvGeometry:
        """The geometry of a layer that is known to be a Conv."""
        if self.geometry is None:
            raise TypeError(f"layer '{self.name}' is no Conv")
        return self.geometry


def list_layers(graph: gs.Graph, shapes: Mapping[str, Shape], scope: LayerScope) -> tuple[list[Layer], dict[str, str]]:
    """The layers of `graph` in `scope` that low rank and pruning can treat, and why the others are none, by name."""
    layers: list[Layer] = []
    reasons: dict[str, str] = {}
    batch = next((shape[0] for tensor in graph.inputs if (shape := shapes.get(tensor.name))), None) or 1
    for node in graph.nodes:
        if not in_layer_scope(node, scope):
            continue
        made = _layer(node, shapes)
        if isinstance(made, Layer):
            layers.append(replace(_per_sample(made, batch), averaged=averaged(graph, node) if made.is_conv else None))
        else:
            reasons[node.name] = made
    return layers, reasons


def _per_sample(layer: Layer, batch: int) -> Layer:
    """Where a model fixes its batch, a product has the rows of all samples."""
    if layer.is_conv or batch == 1 or layer.rows % batch:
        return layer
    rows = layer.rows // batch
    return replace(layer, rows=rows, macs=layer.weight.size * rows)


def in_layer_scope(node: gs.Node, scope: LayerScope) -> bool:
    """Whether `scope` means this node."""
    if scope != "kxk":
        return in_scope(node.op, scope)
    weight = node.inputs[1] if node.op == "Conv" else None
    return weight is not None and weight.shape is not None and any(size != 1 for size in weight.shape[2:])


def _layer(node: gs.Node, shapes: Mapping[str, Shape]) -> Layer | str:
    """The node as a layer, or why it is none."""
    make = {"Conv": _conv_layer, "Gemm": _gemm_layer, "MatMul": _matmul_layer}.get(node.op)
    if make is None:
        return f"{node.op} is neither Conv, Gemm nor MatMul"
    weight = constant_values(node.inputs[1])
    if weight is None:
        return "its weights are not constant"
    if weight.dtype != np.float32:
        return f"its weights are {weight.dtype}, not float32"
    bias = constant_values(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2].name else None
    if bias is None and len(node.inputs) > 2 and node.inputs[2].name:
        return "its bias is not constant"
    return make(node, weight.astype(np.float32, copy=False), None if bias is None else bias.astype(np.float32), shapes)


def _conv_layer(
    node: gs.Node, weight: NDArray[np.float32], bias: NDArray[np.float32] | None, shapes: Mapping[str, Shape]
) -> Layer | str:
    if weight.ndim != SPATIAL_RANK + 2:
        return f"it is a {weight.ndim - 2}-D convolution"
    size = shapes.get(node.inputs[0].name, ())[2:]
    if len(size) != SPATIAL_RANK or size[0] is None or size[1] is None:
        return "the size of its input is not known; give --input-shape"
    geometry = _geometry(node, weight, (size[0], size[1]))
    output = geometry.output_size((size[0], size[1]))
    return Layer(
        name=node.name,
        node=node,
        weight=weight,
        bias=bias,
        geometry=geometry,
        input_size=(size[0], size[1]),
        rows=0,
        macs=weight.size * math.prod(output),
    )


def _geometry(node: gs.Node, weight: NDArray[np.float32], size: tuple[int, int]) -> ConvGeometry:
    attributes = node.attrs
    kernel = (int(weight.shape[2]), int(weight.shape[3]))
    strides = _pair(attributes.get("strides", (1, 1)))
    dilations = _pair(attributes.get("dilations", (1, 1)))
    auto_pad = attributes.get("auto_pad", "NOTSET")
    pads = tuple(int(pad) for pad in attributes.get("pads", (0, 0, 0, 0)))
    if auto_pad in {"SAME_UPPER", "SAME_LOWER"}:
        pads = _same_pads(size, kernel, strides, dilations, lower=auto_pad == "SAME_LOWER")
    elif auto_pad == "VALID":
        pads = (0, 0, 0, 0)
    top, left, bottom, right = pads
    return ConvGeometry(kernel, strides, dilations, (top, left, bottom, right), int(attributes.get("group", 1)))


def _same_pads(
    size: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int], dilations: tuple[int, int], *, lower: bool
) -> tuple[int, int, int, int]:
    """ONNX's auto_pad: output size ceil(input / stride), the odd zero at the end (UPPER) or the beginning (LOWER)."""
    totals = [
        max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        for n, k, s, d in zip(size, kernel, strides, dilations, strict=True)
    ]
    begins = [-(-total // 2) if lower else total // 2 for total in totals]
    return (begins[0], begins[1], totals[0] - begins[0], totals[1] - begins[1])


def _pair(values: object) -> tuple[int, int]:
    first, second = (int(value) for value in values)  # type: ignore[attr-defined]
    return first, second


def _gemm_layer(
    node: gs.Node, weight: NDArray[np.float32], bias: NDArray[np.float32] | None, shapes: Mapping[str, Shape]
) -> Layer | str:
    if node.attrs.get("transA", 0):
        return "it transposes its input"
    if node.attrs.get("alpha", 1.0) != 1.0 or (bias is not None and node.attrs.get("beta", 1.0) != 1.0):
        return "its alpha or beta is not 1"
    if not node.attrs.get("transB", 0):
        weight = weight.T
    if bias is not None and bias.shape not in {(weight.shape[0],), (1, weight.shape[0])}:
        return f"its bias of shape {bias.shape} is not one number per output"
    return _product_layer(node, weight, None if bias is None else bias.reshape(-1), shapes)


def _matmul_layer(
    node: gs.Node, weight: NDArray[np.float32], bias: NDArray[np.float32] | None, shapes: Mapping[str, Shape]
) -> Layer | str:
    if weight.ndim != 2:
        return f"its weights have rank {weight.ndim}"
    return _product_layer(node, weight.T, bias, shapes)


def _product_layer(
    node: gs.Node, weight: NDArray[np.float32], bias: NDArray[np.float32] | None, shapes: Mapping[str, Shape]
) -> Layer | str:
    shape = shapes.get(node.outputs[0].name, ())
    if not shape or None in shape:
        return "the size of its output is not known; give --input-shape"
    rows = math.prod(size for size in shape[:-1] if size is not None)
    return Layer(node.name, node, weight, bias, None, (1, 1), rows, weight.size * rows)
