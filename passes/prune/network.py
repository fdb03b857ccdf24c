"""A network before anything is taken out: its coupled channels, and the groups that may lose some."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ...errors import BudgetError
from ...files import ModelParts
from ...runtime_check.cost import infer_shapes
from ..base import Result
from ..graph import to_parts
from ..layers import Layer, list_layers
from .channels import Coupling
from .coupling import couple
from .groups import Group, find_groups
from .protected import protect

InputShapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Network:
    """What is known of the network before anything is taken out.

    Attributes:
        graph: the network.
        coupling: of its channels.
        groups: that channels may go from.
        layers: that can be fitted, by name.
        input_shapes: of inputs whose sizes the model leaves open.
        samplers: names of the graph's samplers.
    """

    graph: gs.Graph
    coupling: Coupling
    groups: Sequence[Group]
    layers: Mapping[str, Layer]
    input_shapes: InputShapes
    samplers: Collection[str] = ()

    def copy(self) -> Network:
        """The same of a copy of the graph, atom for atom."""
        graph = self.graph.copy()
        shapes = infer_shapes(to_parts(graph), input_shapes=self.input_shapes)
        layers = {layer.name: layer for layer in list_layers(graph, shapes, "all")[0]}
        coupling = couple(graph, shapes, self.samplers)
        return Network(graph, coupling, self.groups, layers, self.input_shapes, self.samplers)


def look(
    graph: gs.Graph,
    result: Result,
    *,
    protected: Sequence[str] = (),
    fitted: bool = True,
    input_shapes: InputShapes | None = None,
    samplers: Collection[str] = (),
    origin: ModelParts | None = None,
) -> Network:
    """Find the groups of `graph`, whose nodes are put in order; why others lose nothing goes into `result`.

    Args:
        graph: the network.
        result: of the pass.
        protected: names of layers that keep their channels.
        fitted: whether what reads the groups must be a layer that can be fitted.
        input_shapes: of inputs whose sizes the model leaves open.
        samplers: names of the graph's samplers.
        origin: the model before any rewrite, whose names `protected` may be.

    Raises:
        BudgetError: nothing can be pruned.
        PlanishError: a layer to protect is not known.
    """
    graph.toposort()
    shapes = infer_shapes(to_parts(graph), input_shapes=input_shapes)
    found, unfit = list_layers(graph, shapes, "all")
    layers = {layer.name: layer for layer in found}
    coupling = couple(graph, shapes, samplers)
    protect(coupling, protected, origin)
    groups = []
    for group in find_groups(coupling):
        reason = group.protected or (_unmeasurable(group, layers) if fitted else None)
        if reason is None:
            groups.append(group)
        else:
            result.skipped(group.name, reason)
    if not groups:
        reasons = {**unfit, **{skip.where: skip.why for skip in result.skips}}
        why = "; ".join(f"{name}: {reason}" for name, reason in reasons.items()) or "it has no layer with weights"
        raise BudgetError(f"model '{graph.name}': nothing can be pruned ({why})", 1.0)
    return Network(graph, coupling, groups, layers, input_shapes or {}, samplers)


def _unmeasurable(group: Group, layers: Mapping[str, Layer]) -> str | None:
    """Why the error of what reads a group cannot be told from data."""
    for port in group.consumers:
        if port.node.name not in layers:
            return f"'{port.node.name}' ({port.node.op}) reads it, which cannot be fitted anew"
    return None
