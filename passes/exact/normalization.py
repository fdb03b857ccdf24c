"""`normalization`: layer and instance normalization that exporters took apart, back to one operator.

Proof sketch: both are (x - mean) / sqrt(variance + epsilon) over some axes, times a scale, plus a shift: the last axes
in LayerNormalization, all axes of space in InstanceNormalization. MeanVarianceNormalization divides by the square root
plus 1e-9 instead, which sqrt(variance + 1e-18) equals in float32 wherever the variance is above 1e-16; below, both
are noise. What scales and shifts each of their channels afterwards multiplies into their own scale and shift. In
onnxruntime one pass through memory takes the place of five: docs/exact.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values
from .affine import AFFINE, Affine, affine_of
from .edit import constant, operand_and_constant, producer, reads_alone, replace, scalar_value
from .rule import Rewrite, Rule, Scene

_FIRST_LAYER_OPSET = 17
"""LayerNormalization is an operator from here on."""
_MVN_EPSILON = 1e-18


@dataclass(frozen=True, slots=True)
class _Normalized:
    """(x - mean) / sqrt(variance + epsilon) over some axes."""

    source: gs.Tensor
    axes: tuple[int, ...]
    epsilon: float


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """The last Div of a normalization, MeanVarianceNormalization, and what scales either operator's result."""
    found = None
    if node.op == "MeanVarianceNormalization":
        axes = tuple(node.attrs.get("axes", (0, 2, 3)))
        found = _Normalized(node.inputs[0], axes, _MVN_EPSILON)
    elif node.op == "Div":
        found = _taken_apart(node, scene)
    return _scaled(node, scene) if found is None else _as_operator(node, scene, found)


def _taken_apart(node: gs.Node, scene: Scene) -> _Normalized | None:
    """What `node` normalizes, if it is (x - mean) / sqrt(mean of its squares + epsilon)."""
    centred, root = producer(node.inputs[0], "Sub"), producer(node.inputs[1], "Sqrt")
    shifted = producer(root.inputs[0], "Add") if root is not None else None
    found = operand_and_constant(shifted) if shifted is not None else None
    if centred is None or found is None or found[1].size != 1 or found[1].ndim > 1:
        return None
    source, variance = centred.inputs[0], producer(found[0], "ReduceMean")
    mean = producer(centred.inputs[1], "ReduceMean")
    if mean is None or variance is None or mean.inputs[0] is not source or not _is_square(variance, node.inputs[0]):
        return None
    axes, epsilon = _axes(mean), float(found[1].reshape(-1)[0])
    if axes is None or axes != _axes(variance) or epsilon <= 0 or not scene.is_float(source):
        return None
    return _Normalized(source, axes, epsilon)


def _is_square(variance: gs.Node, centred: gs.Tensor) -> bool:
    """Whether `variance` is the mean of the squares of `centred`."""
    squares = variance.inputs[0].inputs[0] if len(variance.inputs[0].inputs) == 1 else None
    if squares is None or squares.op not in {"Mul", "Pow"} or squares.inputs[0] is not centred:
        return False
    return squares.inputs[1] is centred if squares.op == "Mul" else scalar_value(squares.inputs[1]) == 2


def _axes(node: gs.Node) -> tuple[int, ...] | None:
    """The axes that a ReduceMean averages over and keeps as 1; None if they are not known."""
    given = node.attrs.get("axes")
    if given is None and len(node.inputs) > 1:
        given = constant_values(node.inputs[1])
    return tuple(int(axis) for axis in given) if given is not None and node.attrs.get("keepdims", 1) else None


def _as_operator(node: gs.Node, scene: Scene, found: _Normalized) -> Rewrite | str | None:
    shape = scene.shape(found.source)
    if shape is None or not found.axes:
        return None
    axes, rank = sorted(axis % len(shape) for axis in found.axes), len(shape)
    first = axes[0]
    if axes != list(range(first, rank)) or first == 0:
        return f"it normalizes over axes {axes}, which no operator does"
    per_instance = first == 2 and rank > 3
    declared = shape[1:2] if per_instance else shape[first:]
    sizes = tuple(size for size in declared if size is not None)
    if len(sizes) < len(declared) or (not per_instance and scene.opset < _FIRST_LAYER_OPSET):
        return "its sizes are not known, or the opset has no operator for it"
    op, attributes = ("InstanceNormalization", {}) if per_instance else ("LayerNormalization", {"axis": first - rank})

    def apply() -> None:
        parameters = {"scale": np.ones(sizes, np.float32), "bias": np.zeros(sizes, np.float32)}
        inputs = [constant(scene.graph, f"{node.name}.{name}", values) for name, values in parameters.items()]
        replace(scene.graph, node, op, [found.source, *inputs], {**attributes, "epsilon": found.epsilon})

    return Rewrite(f"as {op}", apply)


def _scaled(node: gs.Node, scene: Scene) -> Rewrite | None:
    """A map per channel of what one of the two operators computes, which nobody else reads."""
    operand = next((tensor for tensor in node.inputs if isinstance(tensor, gs.Variable)), None)
    if operand is None or len(operand.inputs) != 1 or not reads_alone(scene.graph, node, operand):
        return None
    first: gs.Node = operand.inputs[0]
    shape = scene.shape(operand)
    if first.op not in {"LayerNormalization", "InstanceNormalization"} or shape is None or len(first.inputs) < 3:
        return None
    scale, bias = constant_values(first.inputs[1]), constant_values(first.inputs[2])
    if scale is None or bias is None or scale.dtype != np.float32 or len(first.outputs) > 1:
        return None
    affine = _affine(node, operand, first.op, scale.shape, len(shape))
    if affine is None or not affine.is_finite:
        return None
    values = (np.multiply(scale, affine.scale), np.multiply(bias, affine.scale) + affine.shift)
    return Rewrite(f"{node.op} folded into {first.name}", lambda: _fold(scene.graph, node, first, values))


def _affine(node: gs.Node, operand: gs.Tensor, op: str, shape: tuple[int, ...], rank: int) -> Affine | None:
    """What `node` does to `operand`, with numbers of the shape of the operator's own, or single ones."""
    if op == "InstanceNormalization":
        found = affine_of(node, operand, shape[0], rank)
        return None if isinstance(found, str) else found
    pair = operand_and_constant(node) if node.op in {"Mul", "Add"} else None
    values = None if pair is None else pair[1].astype(np.float64)
    if values is None or (values.size != 1 and values.shape != shape) or values.ndim > len(shape):
        return None
    one, zero = np.ones(1), np.zeros(1)
    return Affine(values, zero) if node.op == "Mul" else Affine(one, values)


def _fold(graph: gs.Graph, node: gs.Node, first: gs.Node, values: tuple[NDArray[np.float64], ...]) -> None:
    parameters = [
        constant(graph, f"{first.name}.{name}", np.asarray(array, np.float32))
        for name, array in zip(("scale", "bias"), values, strict=True)
    ]
    replace(graph, node, first.op, [first.inputs[0], *parameters], dict(first.attrs))


RULE = Rule("normalization", AFFINE | {"MeanVarianceNormalization"}, match, targets=frozenset({"onnxruntime"}))
