"""Between the model that the caller holds and the onnx-graphsurgeon graph that passes rewrite.

Weights cross as they are, arrays of any backing: a memory-mapped model is neither copied nor changed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..errors import ModelError
from ..files import ModelParts
from .sparse import write_out

_FIRST_IR_WITHOUT_INITIALIZER_INPUTS = 4
"""Up to IR version 3 every initializer had to be a graph input too, which costs onnxruntime 28 % of its speed."""

_PLAIN_KINDS = "fiub"
"""Kinds of arrays whose bytes are the file's; integers of 4 bits, say, lie two to a byte there."""


def to_graph(parts: ModelParts) -> gs.Graph:
    """A graph in which every node has a name of its own and initializers are no inputs.

    Raises:
        ModelError: the model is not one graph of standard form.
    """
    light = onnx.ModelProto()
    light.CopyFrom(parts.model)
    write_out(light)
    kept = [value for value in light.graph.input if value.name not in parts.tensors]
    del light.graph.input[:]
    light.graph.input.extend(kept)
    try:
        graph = gs.import_onnx(light)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise ModelError(f"model '{parts.model.graph.name}': its graph cannot be read ({error})") from error
    for name, tensor in graph.tensors().items():
        if name in parts.tensors:
            tensor.to_constant(parts.tensors[name])
    _name_nodes(graph)
    return graph


def to_parts(graph: gs.Graph, origin: ModelParts | None = None) -> ModelParts:
    """The model of a graph, with the metadata of the one it came from."""
    constants = {tensor.name: tensor for tensor in graph.tensors().values() if _is_dense_constant(tensor)}
    arrays = {name: tensor.values for name, tensor in constants.items()}
    for tensor in constants.values():
        tensor.to_variable()
        tensor.dtype = tensor.shape = None  # or it would be exported as an intermediate tensor of the graph
    model = gs.export_onnx(graph, do_type_check=False)
    for name, tensor in constants.items():
        tensor.to_constant(arrays[name])
    model.ir_version = max(model.ir_version, _FIRST_IR_WITHOUT_INITIALIZER_INPUTS)
    if origin is not None:
        _copy_header(origin.model, model)
    plain = {name: array for name, array in arrays.items() if array.dtype.kind in _PLAIN_KINDS}
    packed = (onnx.numpy_helper.from_array(array, name) for name, array in arrays.items() if name not in plain)
    model.graph.initializer.extend(packed)
    return ModelParts(model, plain)


def _copy_header(origin: onnx.ModelProto, model: onnx.ModelProto) -> None:
    oldest = _FIRST_IR_WITHOUT_INITIALIZER_INPUTS
    if [entry.version for entry in model.opset_import] != [entry.version for entry in origin.opset_import]:
        oldest = max(oldest, onnx.helper.find_min_ir_version_for(model.opset_import, ignore_unknown=True))
    model.ir_version = max(origin.ir_version, oldest)
    model.metadata_props.extend(origin.metadata_props)
    model.domain, model.doc_string = origin.domain, origin.doc_string
    model.model_version = origin.model_version


def _is_dense_constant(tensor: gs.Tensor) -> bool:
    return isinstance(tensor, gs.Constant) and isinstance(tensor.values, np.ndarray)


def _name_nodes(graph: gs.Graph) -> None:
    """Plans and reports speak of nodes by name: give nameless ones their first output's, and twins a number."""
    taken: set[str] = set()
    for node in graph.nodes:
        wanted = node.name or next((output.name for output in node.outputs if output.name), node.op)
        node.name = first_free(wanted, taken)
        taken.add(node.name)


def constant_values(tensor: gs.Tensor) -> NDArray[np.generic] | None:
    """The values of an initializer or of a Constant node's output; None for anything else."""
    if isinstance(tensor, gs.Constant):
        values: NDArray[np.generic] = tensor.values
        return values
    if len(tensor.inputs) == 1 and tensor.inputs[0].op == "Constant":
        value = tensor.inputs[0].attrs.get("value")
        if value is not None:
            return np.asarray(value.values)
    return None


def unique_name(graph: gs.Graph, wanted: str) -> str:
    """`wanted`, or the first of `wanted_1`, `wanted_2`, ... that no tensor of `graph` has."""
    return first_free(wanted, graph.tensors(check_duplicates=False))


def first_free(wanted: str, taken: Container[str]) -> str:
    """`wanted`, or the first of `wanted_1`, `wanted_2`, ... that is not taken."""
    name, number = wanted, 1
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def detach(graph: gs.Graph, node: gs.Node) -> int:
    """Take `node` out of the graph, off its inputs and outputs; the position where it stood."""
    position = next(index for index, other in enumerate(graph.nodes) if other is node)
    node.inputs.clear()
    node.outputs.clear()
    del graph.nodes[position]
    return position


def is_output(graph: gs.Graph, tensor: gs.Tensor) -> bool:
    """Whether `tensor` is one of the graph's outputs."""
    return any(tensor is output for output in graph.outputs)


def tensors_read(node: gs.Node) -> Iterator[str]:
    """Names of the tensors that a node reads, those that its subgraphs take from outside included."""
    yield from (tensor.name for tensor in node.inputs)
    for value in node.attrs.values():
        if isinstance(value, gs.Graph):
            for inner in value.nodes:
                yield from tensors_read(inner)
            yield from (tensor.name for tensor in value.outputs)
