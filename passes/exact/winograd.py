"""`winograd`: convolutions of three or five rows by Winograd's minimal algorithm along the rows.

Proof sketch: m neighbouring rows of the result depend on n = m + r - 1 rows of the input. Toom and Cook's algorithm
gives matrices with y = A ((G g) * (B d)) for every correlation y of a kernel g of r taps with d: n products in the
place of m r (Lavin and Gray, *Fast algorithms for convolutional neural networks*, 2015, there over both axes). Along
the rows each product is itself a convolution over channels and columns: one Conv of (1, kw) kernels in n groups. Each
row of B is a depthwise Conv that strides by m rows; A is one MatMul of m rows.

onnxruntime has no such kernel on x64. With m = 4 it multiplies half as often for 3x3, with m = 7 three times for seven,
and the rows that are combined before and after cost less than that saves where there are many channels (docs/exact.md).
Over both axes there would be a quarter of the products, but tiles would have to be cut and joined element by element:
slower in every case measured.

Rounding grows with the points at which polynomials are evaluated. Those here have the least error among a thousand
choices of eighths, a third to a half below that of 0, 1, -1, 2, -2, 1/2, -1/2: for random maps 6e-7 of the largest
value with m = 4, 2.6e-6 with m = 7.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..layers import ConvGeometry, Layer
from ..targets.layout import FUSED_ACTIVATIONS
from ..targets.rows import Bands, bands_of, inner_geometry
from ..targets.work import layer_work
from .edit import constant, insert, replace
from .rule import Rewrite, Rule, Scene

POINTS = {
    (4, 3): (0.0, 0.625, -0.625, 1.5, -1.5),
    (7, 3): (0.0, 0.5, -0.5, 0.875, -0.875, 1.25, -1.25, 3.0),
    (4, 5): (0.0, 0.625, -0.625, 1.0, -1.0, 1.5, -1.5),
}
"""By m and r: where the polynomials of Toom and Cook's algorithm are evaluated, besides infinity."""

_JOINS = frozenset({"Concat", "Add", "Sum"})
_FIRST_OPSET = 10
"""From here on Slice reads its sizes from inputs."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A Conv of 3 or 5 rows and at least as many columns, constant weights, no strides, over maps of known size."""
    layer, shape = scene.layers.get(node.name), scene.shape(node.inputs[0])
    if layer is None or layer.geometry is None or layer.depthwise or scene.opset < _FIRST_OPSET:
        return None
    bands = bands_of(layer.geometry, layer.output_size[0])
    if bands is None:
        return None
    if shape is None or None in shape[1:]:
        return "the size of its input is not known"
    return Rewrite(
        f"{bands.products} products for {bands.rows * bands.taps} along the rows",
        lambda: _apply(scene.graph, layer, bands),
        scene.target.latency_ms(layer_work(layer)) - scene.target.layer_ms(layer),
    )


def toom_cook(rows: int, taps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Matrices of the minimal algorithm for m results of a correlation with `taps` taps.

    Returns:
        A (m, n), G (n, taps) and B (n, n) with y = A ((G g) * (B d)).
    """
    points = np.array(POINTS[rows, taps])
    others = [np.delete(points, index) for index in range(len(points))]
    size = len(points) + 1
    a, g, b = np.zeros((rows, size)), np.zeros((size, taps)), np.zeros((size, size))
    a[:, :-1] = points ** np.arange(rows)[:, None]
    for index, (point, rest) in enumerate(zip(points, others, strict=True)):
        g[index] = point ** np.arange(taps) / np.prod(point - rest)
        b[index, :-1] = np.poly(rest)[::-1]
    b[-1] = np.poly(points)[::-1]
    a[-1, -1] = g[-1, -1] = 1
    return a, g, b


def _apply(graph: gs.Graph, layer: Layer, bands: Bands) -> None:
    node, filters, (height, width) = layer.node, layer.filters, layer.output_size
    a, _, _ = toom_cook(bands.rows, bands.taps)
    joined = _is_joined(node)
    multiplied = _multiplied(graph, layer, bands, _combined(graph, layer, bands), with_bias=not joined)
    flat = _reshaped(graph, node, multiplied, (bands.products, filters * bands.count * width))
    rows = insert(graph, node, "MatMul", [constant(graph, f"{node.name}.rows", a.astype(np.float32)), flat])
    rows = _reshaped(graph, node, rows, (bands.rows, filters * bands.count, width))
    rows = insert(graph, node, "Transpose", [rows], {"perm": [0, 2, 1, 3]})
    shape = (filters, bands.rows * bands.count, width)
    last: tuple[str, list[gs.Tensor]] = ("Reshape", [rows, _shape(graph, node, shape)])
    if height < bands.rows * bands.count:
        cut = {"starts": 0, "ends": height, "axes": 2}
        edges = [constant(graph, f"{node.name}.{name}", np.array([value])) for name, value in cut.items()]
        last = ("Slice", [insert(graph, node, *last), *edges])
    if joined:
        _replace_by_scaling(graph, layer, insert(graph, node, *last))
    else:
        replace(graph, node, *last)


def _is_joined(node: gs.Node) -> bool:
    """Whether what `node` makes is joined with other maps, if only after an activation."""
    readers = node.outputs[0].outputs
    if len(readers) == 1 and readers[0].op in FUSED_ACTIVATIONS:
        readers = readers[0].outputs[0].outputs
    return any(reader.op in _JOINS for reader in readers)


def _replace_by_scaling(graph: gs.Graph, layer: Layer, rows: gs.Tensor) -> None:
    """Put a scaling by 1, and the bias, in the layer's place: the runtime joins it with others in its own layout."""
    name, filters = layer.node.name, layer.filters
    inputs = [rows, constant(graph, f"{name}.ones", np.ones((filters, 1, 1, 1), np.float32))]
    if layer.bias is not None:
        inputs.append(constant(graph, f"{name}.bias", layer.bias.astype(np.float32)))
    replace(graph, layer.node, "Conv", inputs, ConvGeometry((1, 1), group=filters).attributes())


def _combined(graph: gs.Graph, layer: Layer, bands: Bands) -> gs.Tensor:
    """B over the rows of every band and channel: (batch, n C, bands, W)."""
    node, channels = layer.node, layer.kernel_shape[0] * layer.group
    height, top = layer.input_size[0], layer.conv.pads[0]
    _, _, b = toom_cook(bands.rows, bands.taps)
    combined = []
    for factors in b.astype(np.float32):
        used = np.flatnonzero(factors)
        first, end = min(int(used[0]), top), int(used[-1]) + 1
        below = max(0, bands.rows * (bands.count - 1) + end - height - top)
        kernel = np.tile(factors[first:end, None], (channels, 1, 1, 1))
        pads = (top - first, 0, below, 0)
        geometry = ConvGeometry((end - first, 1), strides=(bands.rows, 1), pads=pads, group=channels)
        inputs = [node.inputs[0], constant(graph, f"{node.name}.combine", kernel)]
        combined.append(insert(graph, node, "Conv", inputs, geometry.attributes()))
    return insert(graph, node, "Concat", combined, {"axis": 1})


def _multiplied(graph: gs.Graph, layer: Layer, bands: Bands, rows: gs.Tensor, *, with_bias: bool) -> gs.Tensor:
    """The products: (batch, n N, bands, columns)."""
    name, (a, g, _) = layer.node.name, toom_cook(bands.rows, bands.taps)
    weight = np.einsum("ir,ncrs->incs", g, layer.weight.astype(np.float64))
    weight = weight.reshape(-1, weight.shape[2], 1, weight.shape[3]).astype(np.float32)
    inputs = [rows, constant(graph, f"{name}.weight", weight)]
    if with_bias and layer.bias is not None:
        added = np.outer(np.linalg.pinv(a).sum(axis=1), layer.bias)  # so that A adds the bias to every row
        inputs.append(constant(graph, f"{name}.bias", added.reshape(-1).astype(np.float32)))
    return insert(graph, layer.node, "Conv", inputs, inner_geometry(layer.conv, bands).attributes())


def _reshaped(graph: gs.Graph, node: gs.Node, tensor: gs.Tensor, shape: tuple[int, ...]) -> gs.Tensor:
    return insert(graph, node, "Reshape", [tensor, _shape(graph, node, shape)])


def _shape(graph: gs.Graph, node: gs.Node, shape: tuple[int, ...]) -> gs.Constant:
    """Any batch, and then `shape`: with an open batch, sizes that are not given could not be inferred."""
    return constant(graph, f"{node.name}.shape", np.array([-1, *shape]))


RULE = Rule("winograd", frozenset({"Conv"}), match, targets=frozenset({"onnxruntime"}), recounts=True)
