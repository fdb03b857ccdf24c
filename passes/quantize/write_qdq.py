"""Write QuantizeLinear and DequantizeLinear into a graph, in the form that onnxruntime and OpenVINO fuse.

Scales and zero points of activations have rank 0 (with shape [1] onnxruntime's QLinearAdd fails), weights have axis 0
(with axis 1 onnxruntime computes something else in silence), biases are int32 with the product of both scales.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values, detach, unique_name
from .grid import Grid
from .placement import MOVING, Placement, final_output
from .ties import Steps
from .weights import IntegerWeights

DEQUANTIZED = "_dequantized"
QUANTIZED = "_quantized"

_TAKEN_OVER = frozenset({"Conv", "ConvTranspose", "Gemm"})
"""Operators whose float weights onnxruntime may round itself."""

_ALIKE = frozenset({
    "QuantizeLinear", "DequantizeLinear", "Relu", "Clip", "PRelu", "LeakyRelu", "Sigmoid", "Add", "Mul", "MaxPool",
    "AveragePool", "GlobalAveragePool", "Identity", "Resize",
})  # fmt: skip
"""Operators whose output has the channels of their first input."""


def write_qdq(graph: gs.Graph, placement: Placement, grids: Mapping[str, Grid]) -> None:
    """Put the quantized tensors into `graph`.

    Args:
        graph: changed in place.
        placement: of this very graph.
        grids: by tensor group.
    """
    tensors = graph.tensors()
    made = {id(final_output(graph, node)) for node in (*placement.layers, *placement.operators)}
    zero_points = {grid.zero_point: _zero_point(graph, _typed(grid)) for grid in grids.values()}
    parameters = {group: [_step(graph, group, grid), zero_points[grid.zero_point]] for group, grid in grids.items()}
    integer = {id(node) for node in (*placement.layers, *placement.operators)}
    for name, group in placement.groups.items():
        tensor = tensors[name]
        readers = [node for node in tensor.outputs if id(tensor) in made or id(node) in integer]
        _insert(graph, tensor, readers, grids[group], parameters[group])
        exposed = [node for node in readers if _is_exposed(node, integer)]
        if exposed:
            _keep_float(graph, exposed)


def _is_exposed(node: gs.Node, integer: Container[int]) -> bool:
    """Whether onnxruntime would round the weights of this float layer, or of one behind what only moves values."""
    if node.op in MOVING and id(node) not in integer:
        return any(_is_exposed(reader, integer) for reader in node.outputs[0].outputs)
    return node.op in _TAKEN_OVER and id(node) not in integer


def _keep_float(graph: gs.Graph, readers: Sequence[gs.Node]) -> None:
    """Give float layers a DequantizeLinear of their own, whose steps, all alike, are one per channel.

    onnxruntime (`WeightBiasQuantization`) rounds the weights of a float layer between a DequantizeLinear of one step
    and a QuantizeLinear itself, with one step for all filters, and makes an integer layer of it.
    """
    restored = readers[0].inputs[0]
    dequantize = restored.inputs[0]
    channels = _channels(restored)
    if dequantize.op != "DequantizeLinear" or np.ndim(dequantize.inputs[1].values) or channels is None:
        return
    quantized, step, zero_point = dequantize.inputs
    steps = gs.Constant(unique_name(graph, f"{quantized.name}_steps"), np.full(channels, step.values))
    inputs = [quantized, steps, _zero_point(graph, np.full(channels, zero_point.values))]
    output = gs.Variable(unique_name(graph, restored.name), np.float32, restored.shape)
    graph.nodes.append(gs.Node("DequantizeLinear", output.name, {"axis": 1}, inputs, [output]))
    for node in readers:
        node.inputs = [output if tensor is restored else tensor for tensor in node.inputs]


def _channels(tensor: gs.Tensor) -> int | None:
    """How many channels a tensor has, as the layers before it tell."""
    if not tensor.inputs:
        return None
    node = tensor.inputs[0]
    if node.op == "Conv":
        weight = constant_values(node.inputs[1])
        return None if weight is None else len(weight)
    if node.op == "Concat":
        parts = [_channels(one) for one in node.inputs]
        return sum(part for part in parts if part is not None) if None not in parts else None
    return _channels(node.inputs[0]) if node.op in _ALIKE else None


def write_weights(graph: gs.Graph, node: gs.Node, weights: IntegerWeights, around: Steps | None) -> None:
    """Make `node` compute with integer weights and an int32 bias, each through a DequantizeLinear.

    Args:
        graph: where it stands.
        node: Conv, Gemm or MatMul.
        weights: what it shall compute with.
        around: steps of the grids that it lies between; None leaves the bias as it is.
    """
    values = weights.values
    scales: NDArray[np.float32] = weights.scales
    if node.op == "Gemm":
        node.attrs["transB"] = 1
    elif node.op == "MatMul":
        values, scales = values.T, scales[:1].reshape(())
    zero_points = np.zeros(scales.shape, np.int8)
    node.inputs[1] = _dequantized(graph, f"{node.name}_weight", values, scales, zero_points)
    if node.op == "MatMul" or around is None:
        return
    steps = (weights.scales.astype(np.float64) * around.input).astype(np.float32)
    bias = np.rint(weights.bias / steps.astype(np.float64)).astype(np.int32)
    tensor = _dequantized(graph, f"{node.name}_bias", bias, steps, None)
    node.inputs = [node.inputs[0], node.inputs[1], tensor]


def _dequantized(
    graph: gs.Graph,
    name: str,
    values: NDArray[np.integer],
    scales: NDArray[np.float32],
    zero_points: NDArray[np.int8] | None,
) -> gs.Variable:
    """Integers through a DequantizeLinear, along axis 0 where there is more than one step."""
    inputs = [
        gs.Constant(unique_name(graph, f"{name}{QUANTIZED}"), np.ascontiguousarray(values)),
        gs.Constant(unique_name(graph, f"{name}_scale"), np.asarray(scales)),
    ]
    if zero_points is not None:
        inputs.append(_zero_point(graph, zero_points))
    output = gs.Variable(unique_name(graph, f"{name}{DEQUANTIZED}"), np.float32, values.shape)
    attributes = {"axis": 0} if np.ndim(scales) else {}
    graph.nodes.insert(0, gs.Node("DequantizeLinear", output.name, attributes, inputs, [output]))
    return output


def _step(graph: gs.Graph, name: str, grid: Grid) -> gs.Constant:
    return gs.Constant(unique_name(graph, f"{name}_scale"), np.array(grid.scale, np.float32))


def _typed(grid: Grid) -> NDArray[np.integer]:
    """The zero point in the type of the grid's integers."""
    return np.array(grid.zero_point, np.int8 if grid.signed else np.uint8)


def _zero_point(graph: gs.Graph, values: NDArray[np.integer]) -> gs.Constant:
    """The constant of these equal `values`, which all that ask for it share."""
    wanted = "_".join(map(str, ("zero_point", values.dtype, *np.unique(values), *values.shape)))
    known = graph.tensors().get(wanted)
    if isinstance(known, gs.Constant) and known.dtype == values.dtype and np.array_equal(known.values, values):
        return known
    return gs.Constant(unique_name(graph, wanted), values)


def _insert(
    graph: gs.Graph, tensor: gs.Tensor, readers: list[gs.Node], grid: Grid, parameters: list[gs.Constant]
) -> None:
    """Tensor -> QuantizeLinear -> DequantizeLinear -> `readers`; a Clip before where the grid ends inside the type."""
    quantized = gs.Variable(unique_name(graph, f"{tensor.name}{QUANTIZED}"), parameters[1].values.dtype, tensor.shape)
    restored = gs.Variable(unique_name(graph, f"{tensor.name}{DEQUANTIZED}"), np.float32, tensor.shape)
    for node in readers:
        for index, other in enumerate(node.inputs):
            if other is tensor:
                node.inputs[index] = restored
    nodes = []
    source = tensor
    if not grid.saturates:
        source = gs.Variable(unique_name(graph, f"{tensor.name}_clipped"), np.float32, tensor.shape)
        ends = [
            gs.Constant(f"{source.name}_{word}", np.array(value, np.float32))
            for word, value in (("low", grid.low), ("high", grid.high))
        ]
        nodes.append(gs.Node("Clip", source.name, {}, [tensor, *ends], [source]))
    nodes.append(gs.Node("QuantizeLinear", quantized.name, {}, [source, *parameters], [quantized]))
    nodes.append(gs.Node("DequantizeLinear", restored.name, {}, [quantized, *parameters], [restored]))
    graph.nodes.extend(nodes)
    if len(readers) == 1 and readers[0].op == "Mul" and isinstance(readers[0].inputs[1], gs.Constant):
        _scale_back(graph, nodes[-1], readers[0])


def _scale_back(graph: gs.Graph, dequantize: gs.Node, product: gs.Node) -> None:
    """Let the DequantizeLinear do what a Mul by a factor per channel behind it does (see `channel_steps`)."""
    factors = product.inputs[1].values
    if factors.ndim < 2 or factors.size != factors.shape[1]:
        return
    quantized, step, zero_point = dequantize.inputs
    steps = gs.Constant(f"{step.name}s", (step.values * factors.reshape(-1)).astype(np.float32))
    dequantize.inputs = [quantized, steps, _zero_point(graph, np.full(factors.size, zero_point.values))]
    dequantize.attrs["axis"] = 1
    restored = product.outputs[0]
    detach(graph, product)
    dequantize.outputs = [restored]


def dequantized_name(graph: gs.Graph, tensor: str) -> str:
    """What the readers of a quantized tensor see."""
    readers = graph.tensors()[tensor].outputs
    direct = [node for node in readers if node.op == "QuantizeLinear"]
    clipped = [other for node in readers if node.op == "Clip" for other in node.outputs[0].outputs]
    quantize = next(node for node in (*direct, *clipped) if node.op == "QuantizeLinear")
    return str(quantize.outputs[0].outputs[0].outputs[0].name)
