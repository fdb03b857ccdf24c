"""`drop_identities`: nodes that hand on their input unchanged at inference.

Proof sketch: each operator here is the identity for the attributes, constants and shapes that are checked: a Dropout
outside training, a Reshape, Slice or Expand to the very same shape, a Transpose in order, a Concat of one, a Pad of
nothing, a pooling of single cells, a product with ones. Readers of its output may read its input.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values, is_output
from .edit import bypass, joins_public_names, operand_and_constant, producer
from .rule import Rewrite, Rule, Scene


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """Any such node, unless it joins a graph input (or another output) and a graph output, whose names must stay."""
    found = _IDENTITIES[node.op](node, scene)
    if found is None or isinstance(found, str):
        return found
    if joins_public_names(scene.graph, node, found):
        return "it joins two names of the graph's interface"
    source = found
    return Rewrite(f"{node.op} removed", lambda: bypass(scene.graph, node, source))


def _identity(node: gs.Node, scene: Scene) -> gs.Tensor:  # noqa: ARG001
    return node.inputs[0]


def _dropout(node: gs.Node, scene: Scene) -> gs.Tensor | str:
    if len(node.outputs) > 1 and (node.outputs[1].outputs or is_output(scene.graph, node.outputs[1])):
        return "the mask of the Dropout is used"
    training = constant_values(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2].name else False
    if training is None or training:
        return "the Dropout may be in training mode"
    return node.inputs[0]


def _same_shape(node: gs.Node, scene: Scene) -> gs.Tensor | None:
    """Reshape, Flatten, Slice, Expand, Resize: equal shapes with at most one open dimension, the same of both.

    Of a Slice and a Resize all dimensions must be known: they can leave an open one or change it.
    """
    before, after = scene.shape(node.inputs[0]), scene.shape(node.outputs[0])
    allowed = 1 if node.op in {"Reshape", "Flatten"} else 0
    if before is None or before != after or before.count(None) > allowed:
        return None
    if node.op == "Slice" and not _steps_forward(node):
        return None
    return node.inputs[0]


def _steps_forward(node: gs.Node) -> bool:
    steps = constant_values(node.inputs[4]) if len(node.inputs) > 4 and node.inputs[4].name else np.ones(1)
    return steps is not None and bool((steps == 1).all())


def _transpose(node: gs.Node, scene: Scene) -> gs.Tensor | None:  # noqa: ARG001
    permutation = list(node.attrs.get("perm", ()))
    return node.inputs[0] if permutation and permutation == sorted(permutation) else None


def _cast(node: gs.Node, scene: Scene) -> gs.Tensor | None:
    """A cast of a cast to the same type, or of a graph input of that type."""
    source, wanted = node.inputs[0], node.attrs.get("to")
    before = producer(source, "Cast")
    if before is not None and before.attrs.get("to") == wanted:
        return source
    is_input = any(source is tensor for tensor in scene.graph.inputs)
    return source if is_input and source.dtype is not None and source.dtype == wanted else None


def _single(node: gs.Node, scene: Scene) -> gs.Tensor | None:  # noqa: ARG001
    return node.inputs[0] if len(node.inputs) == 1 else None


def _pad(node: gs.Node, scene: Scene) -> gs.Tensor | None:  # noqa: ARG001
    pads = node.attrs.get("pads") if len(node.inputs) < 2 else constant_values(node.inputs[1])
    return node.inputs[0] if pads is not None and not np.any(pads) else None


def _pool(node: gs.Node, scene: Scene) -> gs.Tensor | None:  # noqa: ARG001
    moved = [*node.attrs["kernel_shape"], *node.attrs.get("strides", ())]
    padded = any(node.attrs.get("pads", ())) or node.attrs.get("auto_pad", "NOTSET") not in {"NOTSET", "VALID"}
    alone = len(node.outputs) == 1
    return node.inputs[0] if alone and not padded and all(size == 1 for size in moved) else None


def _arithmetic(node: gs.Node, scene: Scene) -> gs.Tensor | None:
    """X + 0, x - 0, x * 1, x / 1, by a constant that does not enlarge x and is not of another type."""
    found = operand_and_constant(node)
    if found is None or (node.op in {"Sub", "Div"} and found[0] is not node.inputs[0]):
        return None
    operand, values = found
    neutral = 1 if node.op in {"Mul", "Div"} else 0
    shape = scene.shape(operand)
    if not np.all(values == neutral) or shape is None or values.ndim > len(shape) or values.dtype.kind != "f":
        return None
    trailing = shape[len(shape) - values.ndim :]
    fits = all(size in {1, known} for size, known in zip(values.shape, trailing, strict=True))
    return operand if fits else None


_IDENTITIES: dict[str, Callable[[gs.Node, Scene], gs.Tensor | str | None]] = {
    "Identity": _identity,
    "Dropout": _dropout,
    **dict.fromkeys(("Reshape", "Flatten", "Slice", "Expand", "Resize"), _same_shape),
    "Transpose": _transpose,
    "Cast": _cast,
    **dict.fromkeys(("Concat", "Sum", "Max", "Min", "Mean"), _single),
    "Pad": _pad,
    **dict.fromkeys(("MaxPool", "AveragePool"), _pool),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
}

RULE = Rule("drop_identities", frozenset(_IDENTITIES), match)
