"""`fold_constants`: what does not depend on the input is computed now.

Proof sketch: a deterministic operator of constants gives the same constant at every run, so its result may stand for
it. The same holds for those parts of a Shape that are the same for every input.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...errors import PlanishError
from ...runtime_check.session import Session
from ..graph import constant_values, is_output
from .edit import constant, producer, redirect
from .rule import Rewrite, Rule, Scene

NOT_REPEATABLE = frozenset(
    {
        "RandomNormal",
        "RandomUniform",
        "RandomNormalLike",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
    }
)
"""Random numbers differ from run to run; quantized weights are meant to stay in integers."""

_MAX_GROWTH_BYTES = 1 << 16
"""A folded constant may be larger than what it is made of by so much: more would swell the file."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Any node of constants alone, and what is known of shapes; declines outputs of the graph, and what would swell."""
    if node.op in NOT_REPEATABLE or any(is_output(scene.graph, output) for output in node.outputs):
        return None
    if node.op == "Constant":
        value = constant_values(node.outputs[0])
        return None if value is None else Rewrite("Constant", lambda: _apply(scene.graph, node, [value]))
    if node.op in _SHAPES:
        values = _SHAPES[node.op](node, scene)
        if values is not None:
            known = [values]
            return Rewrite(f"{node.op} folded", lambda: _apply(scene.graph, node, known))
    if not node.inputs or not all(constant_values(tensor) is not None for tensor in node.inputs if tensor.name):
        return None
    if any(isinstance(value, gs.Graph) for value in node.attrs.values()):
        return None
    try:
        outputs = _evaluate(node, scene.opset)
    except PlanishError:
        return "onnxruntime cannot compute it"
    read = sum(array.nbytes for tensor in node.inputs if (array := constant_values(tensor)) is not None)
    if sum(output.nbytes for output in outputs) > read + _MAX_GROWTH_BYTES:
        return "its result is much larger than what it is made of"
    return Rewrite(f"{node.op} of constants folded", lambda: _apply(scene.graph, node, outputs))


def _evaluate(node: gs.Node, opset: int) -> list[NDArray[np.generic]]:
    """The node's outputs, by onnxruntime."""
    inputs = {tensor.name: constant_values(tensor) for tensor in node.inputs if tensor.name}
    graph = gs.Graph(nodes=[gs.Node(node.op, node.name, dict(node.attrs))], opset=opset)
    copies = {name: gs.Constant(name, np.asarray(values)) for name, values in inputs.items()}
    graph.nodes[0].inputs = [copies[t.name] if t.name else gs.Variable.empty() for t in node.inputs]
    graph.nodes[0].outputs = [gs.Variable(tensor.name) for tensor in node.outputs]
    graph.outputs = [output for output in graph.nodes[0].outputs if output.name]
    model = gs.export_onnx(graph, do_type_check=False)
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import, ignore_unknown=True)
    return list(Session(model).run({}).values())


def _apply(graph: gs.Graph, node: gs.Node, values: list[NDArray[np.generic]]) -> None:
    named = [output for output in node.outputs if output.name]
    for output, array in zip(named, values, strict=True):
        redirect(output, constant(graph, f"{output.name}.value", array))
    node.inputs.clear()
    node.outputs.clear()
    graph.nodes = [other for other in graph.nodes if other is not node]


def _shape(node: gs.Node, scene: Scene) -> NDArray[np.generic] | None:
    """Shape of a tensor whose dimensions are all known."""
    dimensions = _dimensions(node, scene)
    if dimensions is None or None in dimensions:
        return None
    return np.array(dimensions, np.int64)


def _size(node: gs.Node, scene: Scene) -> NDArray[np.generic] | None:
    shape = scene.shape(node.inputs[0])
    return None if shape is None or None in shape else np.array(math.prod(size or 0 for size in shape), np.int64)


def _gather(node: gs.Node, scene: Scene) -> NDArray[np.generic] | None:
    """Single dimensions of a Shape, where those are known."""
    shape, indices = producer(node.inputs[0], "Shape"), constant_values(node.inputs[1])
    dimensions = _dimensions(shape, scene) if shape is not None else None
    if dimensions is None or indices is None or node.attrs.get("axis", 0) != 0:
        return None
    chosen = [dimensions[int(index)] for index in indices.reshape(-1)]
    return None if None in chosen else np.array(chosen, np.int64).reshape(indices.shape)


def _dimensions(node: gs.Node, scene: Scene) -> tuple[int | None, ...] | None:
    shape = scene.shape(node.inputs[0])
    return None if shape is None else shape[node.attrs.get("start", 0) : node.attrs.get("end")]


_SHAPES: dict[str, Callable[[gs.Node, Scene], NDArray[np.generic] | None]] = {
    "Shape": _shape,
    "Size": _size,
    "Gather": _gather,
}

RULE = Rule("fold_constants", None, match)
