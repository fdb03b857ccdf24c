"""Two models cut into the same stages: what each stage costs in the one and in the other.

A stage ends at a tensor that both models have and holds the nodes that are needed for it and for no earlier one, so a
convolution and the pair that replaced it stand in the same stage. An activation or a scaling per channel stands in the
stage of what it follows, as onnxruntime fuses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from ..files import ModelParts
from .cost import ModelCost
from .profile import NodeTime

OTHER = "(layout changes and others)"
"""The stage of what onnxruntime adds to the graph, or names so that it cannot be told where it belongs."""


_FOLLOWERS = frozenset(
    {"Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "BatchNormalization"}
)
_SCALINGS = frozenset({"Mul", "Add", "Sub", "Div"})
_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})


@dataclass(frozen=True, slots=True)
class StageCost:
    """One model's part in a stage.

    Attributes:
        operators: that count, in order; those without MACs or parameters are left out.
        macs: per sample.
        params: elements of weights.
        ms: wall time, in milliseconds; None if it was not measured.
    """

    operators: tuple[str, ...]
    macs: int
    params: int
    ms: float | None


@dataclass(frozen=True, slots=True)
class Stage:
    """What both models do to come to one tensor.

    Attributes:
        name: the first of the first model's nodes in it that counts, or the last there is.
        costs: of each model.
    """

    name: str
    costs: tuple[StageCost, ...]


@dataclass(slots=True)
class _Sum:
    name: str = ""
    operators: list[str] = field(default_factory=list)
    macs: int = 0
    params: int = 0
    ms: float | None = None


def align(
    models: Sequence[ModelParts],
    costs: Sequence[ModelCost],
    times: Sequence[Sequence[NodeTime]] = (),
) -> tuple[Stage, ...]:
    """The stages of one model or two, in the order of the first model's graph.

    Args:
        models: the reference, and the model to judge.
        costs: of each, from `cost.count`.
        times: of each, from `profile.profile`; empty if they were not measured.
    """
    made = [[name for node in parts.model.graph.node for name in node.output if name] for parts in models]
    shared = set(made[0]).intersection(*made[1:]).difference(*map(_followed, models))
    sums = [
        _sums(parts.model.graph, cost, times[index] if times else None, shared)
        for index, (parts, cost) in enumerate(zip(models, costs, strict=True))
    ]
    order = [name for name in made[0] if name in shared] + [OTHER]
    return tuple(
        Stage(sums[0].get(end, _Sum()).name or end, tuple(_cost(found.get(end, _Sum())) for found in sums))
        for end in order
        if any(end in found and _worth(found[end]) for found in sums)
    )


def _followed(parts: ModelParts) -> set[str]:
    """The tensors that an activation or a scaling by constants takes in, or a change of type gives."""
    constants = {tensor.name for tensor in parts.model.graph.initializer} | set(parts.tensors)
    followed = set()
    for node in parts.model.graph.node:
        varying = [name for name in node.input if name not in constants]
        if node.op_type in _FOLLOWERS or (node.op_type in _SCALINGS and len(varying) == 1):
            followed.update(varying[:1])
        elif node.op_type in _CONVERSIONS:
            followed.update(node.output)
    return followed


def _sums(
    graph: onnx.GraphProto, cost: ModelCost, times: Sequence[NodeTime] | None, shared: set[str]
) -> dict[str, _Sum]:
    ends = _stage_ends(graph, shared)
    sums: dict[str, _Sum] = {}
    for node, node_cost in zip(graph.node, cost.nodes, strict=True):
        found = sums.setdefault(ends.get(node.output[0], OTHER), _Sum())
        found.macs += node_cost.macs
        found.params += node_cost.params
        if not found.operators:
            found.name = node_cost.name
        if (node_cost.macs or node_cost.params) and node.op_type not in _CONVERSIONS:
            found.operators.append(node.op_type)
    if times is not None:
        by_node = {node.name: ends.get(node.output[0], OTHER) for node in graph.node if node.name}
        for found in sums.values():
            found.ms = 0.0
        for time in times:
            found = sums.setdefault(_stage_of(time.name, ends, by_node), _Sum())
            found.ms = (found.ms or 0.0) + time.ms
    return sums


def _stage_ends(graph: onnx.GraphProto, shared: set[str]) -> dict[str, str]:
    """For every tensor, the first shared one that it is needed for."""
    ends: dict[str, str] = {}
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        for end in node.output:
            if end in shared:
                waiting = [end]
                while waiting:
                    tensor = waiting.pop()
                    if tensor in ends or (tensor in shared and tensor != end):
                        continue
                    ends[tensor] = end
                    waiting += makers[tensor].input if tensor in makers else []
    return ends


def _stage_of(name: str, ends: Mapping[str, str], by_node: Mapping[str, str]) -> str:
    """Where a timed node belongs: onnxruntime joins the names of nodes that it fused, and adds words of its own."""
    for candidate in (name, name.partition(":")[0], name.removesuffix("_quant")):
        if candidate in by_node:
            return by_node[candidate]
        if candidate in ends:
            return ends[candidate]
    return OTHER


def _cost(found: _Sum) -> StageCost:
    return StageCost(tuple(found.operators), found.macs, found.params, found.ms)


def _worth(found: _Sum) -> bool:
    return bool(found.macs or found.params or found.ms)
