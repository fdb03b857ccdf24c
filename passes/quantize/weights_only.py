"""`--weights-only`: weights stored as integers of 8 or 4 bits; the network computes in float as before.

It makes the file smaller and nothing faster: onnxruntime dequantizes at every run and gives up its blocked layout,
which costs 29 % on VGG-16 unless its session sets `session.disable_quant_qdq` to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ml_dtypes
import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.cost import infer_shapes
from ..base import Result
from ..graph import constant_values, to_parts, unique_name
from ..layers import Layer, list_layers
from ..statistics import Batches
from .grid import WEIGHT_BITS, weight_limit
from .observe import histograms
from .placement import WEIGHTED
from .reconstruct import Fit, Writer, fit_weights
from .rounding import filter_scales, nearest
from .static import FIT_BYTES, StaticSettings, fittable
from .subset import Subset
from .ties import Steps
from .weights import IntegerWeights

WARNING = "onnxruntime dequantizes these weights at every run: the model is smaller, but slower than float"

TYPES = {8: np.dtype(np.int8), 4: np.dtype(ml_dtypes.int4)}
"""What integers of so many bits are stored as."""

OPSETS = {8: 13, 4: 21}
"""The first opset whose DequantizeLinear takes integers of so many bits, one step per channel."""


def quantize_weights(
    graph: gs.Graph,
    settings: StaticSettings,
    batches: Batches | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> Result:
    """Store the constant float32 weights of every layer as integers with a step per filter.

    Args:
        graph: changed in place.
        settings: its bits and repairs are looked at.
        batches: calibration data, to round by reconstruction on; without it, each weight goes to the nearest integer.
        input_shapes: of inputs whose sizes the model leaves open.

    Raises:
        DataError: the calibration data is empty, or holds NaN or infinity.
    """
    result = Result(notes=[WARNING])
    original = graph.copy()
    fitting = [] if batches is None else _fitting(original, settings, input_shapes or {})
    names = {layer.name for layer in fitting}
    done: dict[int, gs.Variable] = {}
    for node in [node for node in graph.nodes if node.op in WEIGHTED]:
        tensor = node.inputs[1]
        weight = constant_values(tensor)
        if weight is None or weight.dtype != np.float32 or weight.ndim < 2:
            result.skipped(node.name, "its weights are not constant float32")
            continue
        if node.name not in names:
            if id(tensor) not in done:
                done[id(tensor)] = _rounded(graph, node, weight, settings.bits)
            node.inputs[1] = done[id(tensor)]
        how = ", rounded by reconstruction" if node.name in names else ""
        result.changed(node.name, f"weights stored as s{settings.bits}{how}")
    if batches is not None and fitting:
        _fit(original, graph, fitting, batches, settings)
    graph.cleanup().toposort()
    return result


def _fitting(graph: gs.Graph, settings: StaticSettings, input_shapes: Mapping[str, Sequence[int]]) -> list[Layer]:
    """The layers that are rounded by reconstruction; weights that several nodes share are not."""
    if not settings.repairs.fits:
        return []
    layers, _ = list_layers(graph, infer_shapes(to_parts(graph), input_shapes=input_shapes), "all")
    return [layer for layer in layers if fittable(layer) and len(layer.node.inputs[1].outputs) == 1]


def _fit(
    original: gs.Graph, graph: gs.Graph, layers: Sequence[Layer], batches: Batches, settings: StaticSettings
) -> None:
    subset = Subset(batches, settings.fit_images, FIT_BYTES)
    histograms(original, [tensor.name for tensor in original.inputs], subset)  # refuses data that is broken or empty
    fits = [Fit(layer, None) for layer in layers]
    fit_weights(
        original, graph, fits, subset.kept,
        sampling=settings.sampling, repairs=settings.repairs, bits=settings.bits, write=_writer(settings.bits),
        sequential=settings.repairs.sequential and settings.bits < WEIGHT_BITS,
    )  # fmt: skip


def _writer(bits: int) -> Writer:
    def write(graph: gs.Graph, node: gs.Node, weights: IntegerWeights, _around: Steps | None) -> None:
        node.inputs[1] = _dequantized(graph, node, weights.values, weights.scales, bits)
        bias = gs.Constant(unique_name(graph, f"{node.name}_bias"), weights.bias.astype(np.float32))
        node.inputs = [*node.inputs[:2], bias]

    return write


def _rounded(graph: gs.Graph, node: gs.Node, weight: NDArray[np.generic], bits: int) -> gs.Variable:
    """The weights of `node`, each rounded to the nearest integer."""
    rows = np.moveaxis(weight, _filter_axis(node), 0)
    flat = np.ascontiguousarray(rows, np.float32).reshape(len(rows), -1)
    scales = filter_scales(flat, weight_limit(bits))
    return _dequantized(graph, node, nearest(flat, scales, weight_limit(bits)).reshape(rows.shape), scales, bits)


def _dequantized(
    graph: gs.Graph, node: gs.Node, values: NDArray[np.int8], scales: NDArray[np.float32], bits: int
) -> gs.Variable:
    """Integers, filters first, through a DequantizeLinear in the layout that `node` has."""
    axis = _filter_axis(node)
    stored = np.ascontiguousarray(np.moveaxis(values, 0, axis)).astype(TYPES[bits])
    inputs = [
        gs.Constant(unique_name(graph, f"{node.name}_weight_quantized"), stored),
        gs.Constant(unique_name(graph, f"{node.name}_weight_scale"), scales),
    ]
    output = gs.Variable(unique_name(graph, f"{node.name}_weight_dequantized"), np.float32, stored.shape)
    graph.nodes.insert(0, gs.Node("DequantizeLinear", output.name, {"axis": axis}, inputs, [output]))
    return output


def _filter_axis(node: gs.Node) -> int:
    """Filters lie along axis 1 of a product that is not transposed."""
    return 1 if node.op == "MatMul" or (node.op == "Gemm" and not node.attrs.get("transB", 0)) else 0
