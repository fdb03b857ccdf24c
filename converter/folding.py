"""Values that are known before the network runs: anchors, shapes and what is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from .onnx_builder import OnnxBuilder


def known_value(builder: OnnxBuilder, tensor: str) -> NDArray[np.generic] | None:
    """The value of `tensor` where it depends on constants alone, else None.

    The nodes that compute it stay in the graph; once nothing uses their result, they are dead.
    """
    producers = {output: node for node in builder.nodes for output in node.output}
    pending, wanted = [tensor], set()
    while pending:
        name = pending.pop()
        if not name or name in wanted or name in builder.tensors:
            continue
        if name not in producers:
            return None
        wanted.add(name)
        pending.extend(producers[name].input)
    values = dict(builder.tensors)
    for node in builder.nodes:
        if wanted.intersection(node.output):
            _evaluate(node, values)
    return values[tensor]


def compute(
    builder: OnnxBuilder, operator: str, inputs: Sequence[str], output: str | None = None, **attributes: Any
) -> str:
    """As `OnnxBuilder.node`, but a constant where all inputs are constants."""
    if any(name and name not in builder.tensors for name in inputs):
        return builder.node(operator, inputs, output, **attributes)
    node = onnx.helper.make_node(operator, list(inputs), ["folded"], **attributes)
    values = dict(builder.tensors)
    _evaluate(node, values)
    return builder.constant(values["folded"], output or f"{operator}_out")


def _evaluate(node: onnx.NodeProto, values: dict[str, NDArray[np.generic]]) -> None:
    """Add the outputs of `node` to `values`, which holds its inputs."""
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - slow to import, and most networks need none

    feeds = {name: values[name] for name in node.input if name}
    results = ReferenceEvaluator(node).run(None, feeds)
    values.update(zip(node.output, (np.asarray(result) for result in results), strict=True))
