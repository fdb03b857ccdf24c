"""`deconvolution`: enlarging by a fixed kernel, a ConvTranspose of each channel by itself, as two products.

Proof sketch: a transposed convolution of one channel with the kernel u v^T works on rows and columns apart: U x V^T,
where column h of U holds u, shifted by h strides and cut at the pads. Bilinear upsampling is such a kernel, the same
for all channels. onnxruntime multiplies every element by the whole kernel and adds the results one by one; products run
at the speed of convolutions: 23.6 ms become 10.7 for 21 channels enlarged 16 times from 34 x 34 (docs/exact.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values
from .edit import constant, insert, replace
from .rule import Rewrite, Rule, Scene

_ADDED_NS = 0.75
"""Nanoseconds that onnxruntime takes for each product of an element with the kernel."""
_GFLOP_MS, _WRITTEN_NS = 10.0, 0.8
"""Milliseconds for a billion operations of the products, and nanoseconds for each element that they write."""
_LEAST_GAIN = 0.25
"""Share that must be saved: predictions of either form err by a tenth."""
_PRECISION = 1e-6
"""Of the largest weight: what may be left of a kernel when u v^T is taken away."""


@dataclass(frozen=True, slots=True)
class _Factors:
    """U (H_out, H) and V (W_out, W)."""

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A depthwise ConvTranspose with one constant kernel of rank 1 for all channels, over maps of known size."""
    weight, shape = constant_values(node.inputs[1]), scene.shape(node.inputs[0])
    has_bias = len(node.inputs) > 2 and bool(node.inputs[2].name)
    if weight is None or weight.ndim != 4 or weight.shape[1] != 1 or weight.shape[0] != node.attrs.get("group", 1):
        return None
    if has_bias or weight.dtype != np.float32 or {"output_shape", "auto_pad"} & node.attrs.keys():
        return "it has a bias, or its pads are not given"
    if shape is None or None in shape[1:] or set(node.attrs.get("dilations", (1,))) != {1}:
        return "the size of its input is not known, or it is dilated"
    kernel = weight[0, 0].astype(np.float64)
    left, singular, right = np.linalg.svd(kernel)
    if np.ptp(weight, axis=0).any() or singular[1:].max(initial=0.0) > _PRECISION * np.abs(kernel).max():
        return "its kernels differ, or are of higher rank than 1"
    root = np.sqrt(singular[0])
    vectors = (left[:, 0] * root, right[0] * root)
    height, width = (size or 0 for size in shape[2:])
    factors = _Factors(_matrix(node, vectors[0], height, 0), _matrix(node, vectors[1], width, 1))
    return Rewrite(
        "enlarging as two products",
        lambda: _apply(scene.graph, node, factors),
        _gain_ms(factors, weight.shape[0], kernel.size),
    )


def _matrix(node: gs.Node, vector: NDArray[np.float64], size: int, axis: int) -> NDArray[np.float64]:
    """(outputs, size): element i of the input goes to outputs i stride - pad and the following, as the vector says."""
    stride = node.attrs.get("strides", (1, 1))[axis]
    pads = node.attrs.get("pads", (0, 0, 0, 0))
    extra = node.attrs.get("output_padding", (0, 0))[axis]
    whole = np.zeros(((size - 1) * stride + len(vector) + extra, size))
    for index in range(size):
        whole[index * stride : index * stride + len(vector), index] = vector
    return whole[pads[axis] : len(whole) - pads[axis + 2]]


def _gain_ms(factors: _Factors, channels: int, taps: int) -> float:
    (rows, height), (columns, width) = factors.rows.shape, factors.columns.shape
    before = 1e-6 * _ADDED_NS * channels * height * width * taps
    gflop = 2e-9 * channels * rows * width * (height + columns)
    after = _GFLOP_MS * gflop + 1e-6 * _WRITTEN_NS * channels * rows * columns
    return float(before * (1 - _LEAST_GAIN) - after)


def _apply(graph: gs.Graph, node: gs.Node, factors: _Factors) -> None:
    rows = constant(graph, f"{node.name}.rows", factors.rows.astype(np.float32))
    columns = constant(graph, f"{node.name}.columns", np.ascontiguousarray(factors.columns.T).astype(np.float32))
    tall = insert(graph, node, "MatMul", [rows, node.inputs[0]])
    replace(graph, node, "MatMul", [tall, columns])


RULE = Rule("deconvolution", frozenset({"ConvTranspose"}), match, targets=frozenset({"onnxruntime"}), recounts=True)
