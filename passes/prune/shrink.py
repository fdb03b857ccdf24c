"""`--pass shrink`: remove, exactly, the channels that hold nothing.

Nets trained for structured sparsity (Wen et al., *Learning structured sparsity in deep neural networks*, 2016) hold
filters and input channels of zeros. A channel that no layer listens to goes, with the filter that makes it. A filter of
zeros makes its bias everywhere: what that brings about in the layers behind is added to their biases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...runtime_check.cost import infer_shapes
from ...runtime_check.inputs import model_inputs
from ..base import Pass, Result, register
from ..graph import constant_values, to_parts, unique_name
from ..layers import list_layers
from ..sampling import Activations, patches
from .channels import Coupling
from .constant_channels import Roots
from .coupling import couple
from .cutting import cut_channels, kept_of
from .groups import Group, find_groups, spare_one, whole_parts
from .removable import F32, Scene, look, obstacles


@register
@dataclass(slots=True)
class Shrink(Pass):
    """Exact removal of zero filters and channels.

    *Given* a graph with layers of constant weights; *result*: the same function without the channels that hold nothing.
    Declines constants that a reader pads with zeros or has no bias for, and channels coupled with others that matter.

    Attributes:
        threshold: up to this magnitude a weight counts as 0; what follows is exact for 0 alone.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "shrink"
    exact: ClassVar[bool] = True

    threshold: float = 0.0
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def run(self, graph: gs.Graph) -> Result:
        """Remove channels until nothing is left to remove.

        Raises:
            PlanishError: the threshold is no number of at least 0.
        """
        if not 0 <= self.threshold < float("inf"):
            raise PlanishError(f"--threshold {self.threshold:g}: a magnitude of weights must be 0 or more")
        graph.toposort()
        result = Result()
        while self._shrink(graph, result):
            result.skips.clear()
        return result

    def _shrink(self, graph: gs.Graph, result: Result) -> bool:
        """Remove what can be removed at once; whether that was anything."""
        shapes = infer_shapes(to_parts(graph), input_shapes=self.input_shapes)
        coupling = couple(graph, shapes)
        layers = {layer.name: layer for layer in list_layers(graph, shapes, "all")[0]}
        scene = look(coupling, layers, {}, self.threshold)
        scene = look(coupling, layers, self._values(graph, scene), self.threshold)
        removed: set[int] = set()
        for group in find_groups(coupling):
            if group.protected is None:
                removed |= _choose(scene, group, result)
        if removed:
            biases = _folded(scene, frozenset(removed))
            cut_channels(coupling, removed)
            _store(scene, biases, removed)
        return bool(removed)

    def _values(self, graph: gs.Graph, scene: Scene) -> dict[str, F32]:
        """What layers read, of one blank image, where some of it is constant."""
        wanted = {
            port.node.inputs[0].name
            for port in scene.coupling.consumers
            if scene.constant.get(port.node.inputs[0].name)
        }
        feeds = {}
        for spec in model_inputs(to_parts(graph), self.input_shapes):
            if None in spec.shape[1:]:
                return {}
            feeds[spec.name] = np.zeros([size or 1 for size in spec.shape], spec.dtype)
        if not wanted:
            return {}
        tensors = Activations(_silenced(graph, scene.coupling, self.threshold), sorted(wanted))(feeds)
        return {name: tensor[:1] for name, tensor in tensors.items()}


def _silenced(graph: gs.Graph, coupling: Coupling, threshold: float) -> gs.Graph:
    """A copy in which the weights that count as 0 are 0."""
    if threshold == 0:
        return graph
    copy = graph.copy()
    nodes = {node.name: node for node in copy.nodes}
    for port in coupling.producers:
        tensor = nodes[port.node.name].inputs[1]
        weights = np.asarray(constant_values(tensor))
        silent = np.abs(weights) <= threshold
        nodes[port.node.name].inputs[1] = gs.Constant(f"{tensor.name}.silenced", np.where(silent, 0, weights))
    return copy


def _choose(scene: Scene, group: Group, result: Result) -> set[int]:
    """The roots of a group that can go; why others that hold nothing cannot goes into `result`."""
    roots = scene.coupling.roots(group.classes)
    reasons = obstacles(scene, frozenset(roots.tolist()), group.consumers)
    kept = np.isin(roots, list(reasons))
    spare_one(kept, whole_parts(group, scene.coupling))
    for reason, count in Counter(filter(None, reasons.values())).items():
        result.skipped(group.name, f"{count} channels that are constant stay: {reason}")
    if not kept.all():
        result.changed(group.name, f"{(~kept).sum()} of {group.size} channels held nothing")
    return set(group.classes[~kept].tolist())


def _folded(scene: Scene, removed: Roots) -> dict[str, F32]:
    """The biases (N,) of layers, with what the removed channels bring about there, by layer name."""
    biases = {}
    for port in scene.coupling.consumers:
        layer = scene.layers.get(port.node.name)
        constant = removed & scene.constant.get(port.node.inputs[0].name, frozenset()) & scene.hears(port)
        image = scene.image(port, constant) if constant else None
        if layer is None or image is None or not image.any():
            continue
        patch = patches(layer, image[:1], [np.zeros((1, 2), dtype=np.intp)])[0].astype(np.float64)
        kernels = layer.weight.reshape(layer.group, -1, patch.shape[1]).astype(np.float64)
        bias = (kernels @ patch[:, :, None]).reshape(-1) + (0.0 if layer.bias is None else layer.bias)
        biases[layer.name] = bias.astype(np.float32)
    return biases


def _store(scene: Scene, biases: Mapping[str, F32], removed: set[int]) -> None:
    """Give the layers that are left their new biases."""
    for port in scene.coupling.producers:
        if port.node.name in biases:
            kept = kept_of(scene.coupling, port.atoms, removed)
            name = unique_name(scene.coupling.graph, f"{port.node.name}.bias")
            port.node.inputs = [*port.node.inputs[:2], gs.Constant(name, biases[port.node.name][kept])]
