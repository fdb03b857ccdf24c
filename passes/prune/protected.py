"""`--keep NAME`: layers that keep their channels, those they read and those they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx

from ...errors import PlanishError, nearest
from ...files import ModelParts
from .channels import Coupling


def protect(coupling: Coupling, protected: Sequence[str], origin: ModelParts | None) -> None:
    """Pin the channels of the layers named `protected`.

    Args:
        coupling: of the network's channels.
        protected: names of layers of the network, or of nodes of `origin` that exact rewrites merged into one of them.
        origin: the model before any rewrite.

    Raises:
        PlanishError: a name is of no layer.
    """
    ports = [*coupling.producers, *coupling.consumers]
    names = {port.node.name for port in ports}
    for name in protected:
        kept = name if name in names else _merged(name, names, coupling, origin)
        reason = f"'{name}'{'' if kept == name else ', which was merged into it,'} is to be kept"
        for port in ports:
            if port.node.name == kept:
                coupling.pin(port.atoms, reason)


def _merged(name: str, names: Collection[str], coupling: Coupling, origin: ModelParts | None) -> str:
    """The layer that a node of `origin` was merged into: it makes the first tensor from there on that is left."""
    nodes = {} if origin is None else {node.name: node for node in origin.model.graph.node}
    if name not in nodes:
        raise PlanishError(f"--keep: the model has no layer '{name}'{nearest(name, [*names, *nodes])}")
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes.values():
        for tensor in node.input:
            readers.setdefault(tensor, []).append(node)
    makers = {tensor.name: node.name for node in coupling.graph.nodes for tensor in node.outputs}
    found = _first_left(nodes[name], readers, makers)
    if found is None or found not in names:
        raise PlanishError(
            f"--keep: '{name}' ({nodes[name].op_type}) is no layer that makes or mixes channels, and exact rewrites "
            "did not merge it with one; name the Conv, Gemm or MatMul whose channels are to stay"
        )
    return found


def _first_left(
    node: onnx.NodeProto, readers: Mapping[str, Sequence[onnx.NodeProto]], makers: Mapping[str, str]
) -> str | None:
    waiting, seen = [node], {node.name}
    while waiting:
        tensors = waiting.pop(0).output
        for tensor in tensors:
            if tensor in makers:
                return makers[tensor]
        following = [it for tensor in tensors for it in readers.get(tensor, ()) if it.name not in seen]
        seen.update(it.name for it in following)
        waiting.extend(following)
    return None
