"""MACs, parameters and bytes of a model, per node: the one place that counts them.

MACs are multiply-accumulates of Conv, ConvTranspose, Gemm and MatMul for one sample; what other operators do is not
counted, as in the literature on compression. Parameters are all elements of float initializers, wherever used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx

from ..errors import ModelError, nearest
from ..files import ModelParts, as_parts

Scope = Literal["all", "conv", "fc"]
"""Which nodes a ratio counts: every Conv and Gemm, or the ones, or the others."""

CONV_OPERATORS = frozenset({"Conv", "ConvTranspose", "ConvInteger", "QLinearConv"})
FC_OPERATORS = frozenset({"Gemm", "MatMul", "QGemm", "QLinearMatMul", "MatMulInteger"})

Shape = tuple[int | None, ...]

_BIG_TENSOR_BYTES = 4096
"""Initializers above this are weights, whose values no shape depends on."""


@dataclass(frozen=True, slots=True)
class NodeCost:
    """What one node costs per sample.

    Attributes:
        name: the node's name, or its first output's where it has none.
        operator: ONNX operator.
        output_shape: shape of its first output; None for unknown dimensions.
        macs: multiply-accumulates.
        params: elements of the initializers that this node is the first to use.
        bytes: their size.
    """

    name: str
    operator: str
    output_shape: Shape
    macs: int
    params: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelCost:
    """The costs of a model's nodes, in graph order."""

    nodes: tuple[NodeCost, ...]

    def macs(self, scope: Scope = "all") -> int:
        """Multiply-accumulates per sample of the nodes in `scope`."""
        return sum(node.macs for node in self.nodes if in_scope(node.operator, scope))

    def params(self, scope: Scope | None = None) -> int:
        """Parameters of the nodes in `scope`, or of all nodes."""
        return sum(node.params for node in self.nodes if scope is None or in_scope(node.operator, scope))

    def bytes(self) -> int:
        """Bytes of all initializers."""
        return sum(node.bytes for node in self.nodes)


def in_scope(operator: str, scope: Scope) -> bool:
    """Whether a ratio over `scope` counts nodes of this operator."""
    if scope == "conv":
        return operator in CONV_OPERATORS
    return operator in FC_OPERATORS or (scope == "all" and operator in CONV_OPERATORS)


def conv_macs(weight_shape: Sequence[int], output_spatial: Sequence[int]) -> int:
    """MACs of a Conv with weights (N, C/G, *kernel) whose output has the spatial size `output_spatial`."""
    return math.prod(weight_shape) * math.prod(output_spatial)


def gemm_macs(n: int, c: int, rows: int = 1) -> int:
    """MACs of a product of (rows, C) with (C, N)."""
    return rows * n * c


def count(model: onnx.ModelProto | ModelParts, shapes: Mapping[str, Shape] | None = None) -> ModelCost:
    """Count the nodes of `model`, at batch 1 where the batch is symbolic.

    Args:
        model: any valid ONNX model.
        shapes: what `infer_shapes` gave, to save doing it again.

    Raises:
        ModelError: shapes that the counts depend on cannot be inferred.
    """
    parts = as_parts(model)
    shapes = infer_shapes(parts) if shapes is None else shapes
    weights = _weights(parts)
    seen: set[str] = set()
    nodes = []
    for node in parts.model.graph.node:
        own = [weights[name] for name in dict.fromkeys(node.input) if name in weights and name not in seen]
        seen.update(weight.name for weight in own)
        nodes.append(
            NodeCost(
                name=node.name or node.output[0],
                operator=node.op_type,
                output_shape=shapes.get(node.output[0], ()),
                macs=_macs(node, shapes),
                params=sum(weight.size for weight in own if weight.is_parameter),
                bytes=sum(weight.nbytes for weight in own),
            )
        )
    return ModelCost(tuple(nodes))


def infer_shapes(
    model: onnx.ModelProto | ModelParts,
    batch: int | None = 1,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, Shape]:
    """Shapes of all tensors by name, with symbolic first dimensions of the inputs set to `batch`.

    Weights are left out of the inference, so it takes no memory to speak of, at any model size.

    Args:
        model: any valid ONNX model.
        batch: size of the first dimension of inputs where it is symbolic; None leaves it open.
        input_shapes: whole shapes of inputs by name, where more than the batch is symbolic.

    Raises:
        ModelError: `input_shapes` names no input.
    """
    parts = as_parts(model)
    inferred = _infer(parts, batch, input_shapes)
    shapes: dict[str, Shape] = {weight.name: weight.shape for weight in _weights(parts).values()}
    for value in [*inferred.input, *inferred.value_info, *inferred.output]:
        if value.type.tensor_type.HasField("shape"):
            shapes.setdefault(
                value.name,
                tuple(d.dim_value if d.HasField("dim_value") else None for d in value.type.tensor_type.shape.dim),
            )
    return shapes


def infer_types(model: onnx.ModelProto | ModelParts) -> dict[str, int]:
    """The `onnx.TensorProto` element types of all tensors by name, as far as they can be inferred."""
    parts = as_parts(model)
    inferred = _infer(parts, None, None)
    types = {weight.name: weight.data_type for weight in _weights(parts).values()}
    for value in [*inferred.input, *inferred.value_info, *inferred.output]:
        types.setdefault(value.name, value.type.tensor_type.elem_type)
    return types


def _infer(parts: ModelParts, batch: int | None, input_shapes: Mapping[str, Sequence[int]] | None) -> onnx.GraphProto:
    light = _without_weights(parts)
    _fix_inputs(light, set(_weights(parts)), batch, input_shapes or {})
    _forget_symbolic_shapes(light)
    return onnx.shape_inference.infer_shapes(light, data_prop=True).graph


@dataclass(frozen=True, slots=True)
class _Weight:
    """An initializer without its values; integers of rank 0 and 1 are axes and shapes, not parameters."""

    name: str
    shape: tuple[int, ...]
    data_type: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        if self.data_type in {onnx.TensorProto.INT4, onnx.TensorProto.UINT4}:
            return (self.size + 1) // 2
        return self.size * int(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(self.data_type)).itemsize)

    @property
    def is_parameter(self) -> bool:
        return self.data_type not in {onnx.TensorProto.INT64, onnx.TensorProto.BOOL}


def _weights(parts: ModelParts) -> dict[str, _Weight]:
    weights = {t.name: _Weight(t.name, tuple(t.dims), t.data_type) for t in parts.model.graph.initializer}
    for name, array in parts.tensors.items():
        weights[name] = _Weight(name, array.shape, onnx.helper.np_dtype_to_tensor_dtype(array.dtype))
    return weights


def _without_weights(parts: ModelParts) -> onnx.ModelProto:
    """The model with every weight turned into an input of its shape; small constants stay, shapes depend on them."""
    graph = parts.model.graph
    light = onnx.ModelProto(ir_version=parts.model.ir_version)
    light.opset_import.extend(parts.model.opset_import)
    light.functions.extend(parts.model.functions)
    light.graph.name = graph.name
    light.graph.node.extend(graph.node)
    light.graph.input.extend(graph.input)
    light.graph.output.extend(graph.output)
    inputs = {value.name for value in graph.input}
    for weight in _weights(parts).values():
        if weight.nbytes > _BIG_TENSOR_BYTES and weight.name not in inputs:
            value = onnx.helper.make_tensor_value_info(weight.name, weight.data_type, weight.shape)
            light.graph.input.append(value)
    light.graph.initializer.extend(t for t in graph.initializer if _weights_bytes(t) <= _BIG_TENSOR_BYTES)
    for name, array in parts.tensors.items():
        if array.nbytes <= _BIG_TENSOR_BYTES:
            light.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
    return light


def _weights_bytes(tensor: onnx.TensorProto) -> int:
    return _Weight(tensor.name, tuple(tensor.dims), tensor.data_type).nbytes


def _fix_inputs(
    light: onnx.ModelProto, initializers: set[str], batch: int | None, input_shapes: Mapping[str, Sequence[int]]
) -> None:
    inputs = {value.name: value for value in light.graph.input if value.name not in initializers}
    for name in input_shapes:
        if name not in inputs:
            raise ModelError(f"the model has no input '{name}'{nearest(name, inputs)}; its inputs: {', '.join(inputs)}")
    for name, value in inputs.items():
        dimensions = value.type.tensor_type.shape.dim
        if name in input_shapes:
            value.CopyFrom(
                onnx.helper.make_tensor_value_info(name, value.type.tensor_type.elem_type, list(input_shapes[name]))
            )
        elif batch is not None and dimensions and not dimensions[0].HasField("dim_value"):
            dimensions[0].dim_value = batch


def _forget_symbolic_shapes(model: onnx.ModelProto) -> None:
    """Declared output shapes may name the batch; without this they would contradict the one that was set."""
    for value in model.graph.output:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.HasField("dim_param"):
                dimension.Clear()


def _macs(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    if node.domain not in {"", "ai.onnx"}:
        return 0
    if node.op_type in {"Conv", "ConvInteger", "QLinearConv"}:
        return conv_macs(_known(node, _right_input(node), shapes), _spatial(node, node.output[0], shapes))
    if node.op_type == "ConvTranspose":
        return conv_macs(_known(node, node.input[1], shapes), _spatial(node, node.input[0], shapes))
    if node.op_type in {"MatMul", "MatMulInteger", "QLinearMatMul"}:
        return math.prod(_known(node, node.output[0], shapes)) * _known(node, node.input[0], shapes)[-1]
    return _gemm_node_macs(node, shapes) if node.op_type == "Gemm" else 0


def _right_input(node: onnx.NodeProto) -> str:
    """The weights; in QLinear operators scale and zero point of the left input stand before them."""
    return node.input[3 if node.op_type.startswith("QLinear") else 1]


def _gemm_node_macs(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    rows = next((a.i for a in node.attribute if a.name == "transA"), 0)
    left = _known(node, node.input[0], shapes)
    return (
        math.prod(left) // left[0 if not rows else 1] * _known(node, node.output[0], shapes)[1] * _samples(node, shapes)
    )


def _samples(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Rows of a Gemm's output: 1 for an ordinary fully connected layer at batch 1."""
    return _known(node, node.output[0], shapes)[0]


def _spatial(node: onnx.NodeProto, tensor: str, shapes: Mapping[str, Shape]) -> tuple[int, ...]:
    """The spatial part of an (N, C, ...) tensor's shape."""
    spatial = shapes.get(tensor, (None,))[2:]
    if not spatial or None in spatial:
        raise _unknown(node, tensor)
    return tuple(int(size) for size in spatial if size is not None)


def _known(node: onnx.NodeProto, tensor: str, shapes: Mapping[str, Shape]) -> tuple[int, ...]:
    shape = shapes.get(tensor, (None,))
    known = tuple(size for size in shape if size is not None)
    if len(known) != len(shape):
        raise _unknown(node, tensor)
    return known


def _unknown(node: onnx.NodeProto, tensor: str) -> ModelError:
    return ModelError(
        f"node '{node.name or node.output[0]}' ({node.op_type}): the shape of '{tensor}' cannot be inferred; "
        "give the model's inputs fixed sizes, for example with --input-shape NAME=1,3,224,224"
    )
