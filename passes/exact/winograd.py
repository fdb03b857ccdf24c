"""`winograd`: convolutions of three or five rows by Winograd's minimal algorithm along the rows.

Proof sketch: m neighbouring rows of the result depend on n = m + r - 1 rows of the input. Toom and Cook's algorithm
gives matrices with y = A ((G g) * (B d)) for every correlation y of a kernel g of r taps with d: n products in the
place of m r (Lavin and Gray, *Fast algorithms for convolutional neural networks*, 2015, there over both axes). Along
the rows each product is itself a convolution over channels and columns: one Conv of (1, kw) kernels in n groups. B is
a Conv that takes each channel for an image of its own and strides by m rows; A is one MatMul of m rows.

onnxruntime has no such kernel on x64. With m = 4 it multiplies half as often for 3x3, and the rows that are combined
before and after cost less than that saves where there are many channels (docs/exact.md). Over both axes there would be
a quarter of the products, but tiles would have to be cut and joined element by element: slower in every case measured.
Rounding grows little along one axis: 3e-7 of the largest value for random maps.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..layers import ConvGeometry, Layer
from ..targets.rows import ROWS, bands, inner_geometry, is_by_rows, products
from ..targets.work import layer_work
from .edit import constant, insert, replace
from .rule import Rewrite, Rule, Scene

POINTS = {3: (0.0, 1.0, -1.0, 2.0, -2.0), 5: (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)}
"""By r: where the polynomials of Toom and Cook's algorithm are evaluated, besides infinity."""
_ALL_ONES = 1
"""Position of the point 1, whose product is added to all rows of the result: its convolution takes the bias."""

_FIRST_OPSET = 10
"""From here on Slice reads its sizes from inputs."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A Conv of 3 or 5 rows and at least as many columns, constant weights, no strides, over maps of known size."""
    layer, shape = scene.layers.get(node.name), scene.shape(node.inputs[0])
    if layer is None or layer.geometry is None or layer.depthwise or scene.opset < _FIRST_OPSET:
        return None
    geometry = layer.geometry
    if not is_by_rows(geometry):
        return None
    if shape is None or None in shape[1:]:
        return "the size of its input is not known"
    return Rewrite(
        f"{products(geometry)} products for {ROWS * geometry.kernel[0]} along the rows",
        lambda: _apply(scene.graph, layer),
        scene.target.latency_ms(layer_work(layer)) - scene.target.layer_ms(layer),
    )


def toom_cook(taps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Matrices of the minimal algorithm for m results of a correlation with `taps` taps.

    Returns:
        A (m, n), G (n, taps) and B (n, n) with y = A ((G g) * (B d)).
    """
    points = np.array(POINTS[taps])
    others = [np.delete(points, index) for index in range(len(points))]
    size = len(points) + 1
    a, g, b = np.zeros((ROWS, size)), np.zeros((size, taps)), np.zeros((size, size))
    a[:, :-1] = points ** np.arange(ROWS)[:, None]
    for index, (point, rest) in enumerate(zip(points, others, strict=True)):
        g[index] = point ** np.arange(taps) / np.prod(point - rest)
        b[index, :-1] = np.poly(rest)[::-1]
    b[-1] = np.poly(points)[::-1]
    a[-1, -1] = g[-1, -1] = 1
    return a, g, b


def _apply(graph: gs.Graph, layer: Layer) -> None:
    node, filters, (height, width) = layer.node, layer.filters, layer.output_size
    height_bands = bands(height)
    a, g, b = toom_cook(layer.conv.kernel[0])
    multiplied = _multiplied(graph, layer, _combined(graph, layer, b), g)
    flat = _reshaped(graph, node, multiplied, (products(layer.conv), filters * height_bands * width))
    rows = insert(graph, node, "MatMul", [constant(graph, f"{node.name}.rows", a.astype(np.float32)), flat])
    rows = _reshaped(graph, node, rows, (ROWS, filters * height_bands, width))
    rows = insert(graph, node, "Transpose", [rows], {"perm": [0, 2, 1, 3]})
    shape = (filters, ROWS * height_bands, width)
    if height == ROWS * height_bands:
        replace(graph, node, "Reshape", [rows, _shape(graph, node, shape)])
        return
    rows = _reshaped(graph, node, rows, shape)
    cut = {"starts": 0, "ends": height, "axes": 2}
    inputs = [constant(graph, f"{node.name}.{name}", np.array([value])) for name, value in cut.items()]
    replace(graph, node, "Slice", [rows, *inputs])


def _combined(graph: gs.Graph, layer: Layer, b: NDArray[np.float64]) -> gs.Tensor:
    """B over every m rows of every channel: (batch, n C, bands, W)."""
    node, geometry, count = layer.node, layer.conv, bands(layer.output_size[0])
    (height, width), channels, size = layer.input_size, layer.kernel_shape[0] * layer.group, len(b)
    top = geometry.pads[0]
    bottom = ROWS * (count - 1) + size - height - top
    images = _reshaped(graph, node, node.inputs[0], (1, height, width))
    kernel = constant(graph, f"{node.name}.combine", b.astype(np.float32).reshape(size, 1, size, 1))
    moves = ConvGeometry((size, 1), strides=(ROWS, 1), pads=(top, 0, bottom, 0))
    images = insert(graph, node, "Conv", [images, kernel], moves.attributes())
    images = _reshaped(graph, node, images, (channels, size, count * width))
    rows = insert(graph, node, "Transpose", [images], {"perm": [0, 2, 1, 3]})
    return _reshaped(graph, node, rows, (size * channels, count, width))


def _multiplied(graph: gs.Graph, layer: Layer, rows: gs.Tensor, g: NDArray[np.float64]) -> gs.Tensor:
    """The products: (batch, n N, bands, columns)."""
    size, name = len(g), layer.node.name
    weight = np.einsum("ir,ncrs->incs", g, layer.weight.astype(np.float64))
    bias = np.zeros((size, layer.filters), np.float32)
    bias[_ALL_ONES] = 0.0 if layer.bias is None else layer.bias
    inputs = [
        rows,
        constant(graph, f"{name}.weight", weight.reshape(-1, weight.shape[2], 1, weight.shape[3]).astype(np.float32)),
        constant(graph, f"{name}.bias", bias.reshape(-1)),
    ]
    return insert(graph, layer.node, "Conv", inputs, inner_geometry(layer.conv).attributes())


def _reshaped(graph: gs.Graph, node: gs.Node, tensor: gs.Tensor, shape: tuple[int, ...]) -> gs.Tensor:
    return insert(graph, node, "Reshape", [tensor, _shape(graph, node, shape)])


def _shape(graph: gs.Graph, node: gs.Node, shape: tuple[int, ...]) -> gs.Constant:
    """Any batch, and then `shape`: with an open batch, sizes that are not given could not be inferred."""
    return constant(graph, f"{node.name}.shape", np.array([-1, *shape]))


RULE = Rule("winograd", frozenset({"Conv"}), match, targets=frozenset({"onnxruntime"}), recounts=True)
