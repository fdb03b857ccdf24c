"""Which channels a network is the same without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..graph import constant_values
from ..layers import Layer
from .channels import Coupling, Port
from .constant_channels import Roots, constant_channels, weight_axis

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of a network that is to shrink.

    Attributes:
        coupling: of its channels.
        layers: those that a constant can be folded into, by name.
        constant: the roots of constant channels, by tensor name.
        values: one image of tensors that have such, where it could be computed, by name.
        threshold: up to this magnitude a weight counts as 0.
    """

    coupling: Coupling
    layers: Mapping[str, Layer]
    constant: Mapping[str, Roots]
    values: Mapping[str, F32]
    threshold: float

    def hears(self, port: Port) -> Roots:
        """The roots that a layer has weights for."""
        weight = np.abs(np.asarray(constant_values(port.node.inputs[1]))) > self.threshold
        heard = np.moveaxis(weight, weight_axis(self.coupling, port), 0).reshape(len(port.atoms), -1).any(axis=1)
        return frozenset(self.coupling.roots(port.atoms)[heard].tolist())

    def image(self, port: Port, roots: Roots) -> F32 | None:
        """What a layer reads of the constant channels `roots`, zeros elsewhere; None where it is not known."""
        name = port.node.inputs[0].name
        found = self.coupling.of(port.node.inputs[0])
        if found is None or name not in self.values:
            return None
        own = np.isin(self.coupling.roots(found.atoms), list(roots))
        shape = np.ones(self.values[name].ndim, dtype=int)
        shape[found.axis] = -1
        return np.where(own.reshape(shape), self.values[name], np.float32(0))


def look(coupling: Coupling, layers: Mapping[str, Layer], values: Mapping[str, F32], threshold: float) -> Scene:
    """The scene of a network whose constant channels are to be found."""
    return Scene(coupling, layers, constant_channels(coupling, threshold), values, threshold)


def obstacles(scene: Scene, roots: Roots, readers: Sequence[Port]) -> dict[int, str]:
    """Why the network is not the same without some of `roots`: empty where a channel simply matters."""
    found: dict[int, str] = {}
    for port in readers:
        heard = roots & scene.hears(port)
        constant = heard & scene.constant.get(port.node.inputs[0].name, frozenset())
        found.update(dict.fromkeys(heard - constant, ""))
        for root in constant - found.keys():
            reason = _unfoldable(scene, root, port)
            if reason is not None:
                found[root] = f"'{port.node.name}' {reason}"
    return found


def _unfoldable(scene: Scene, root: int, port: Port) -> str | None:
    """Why what a constant channel brings about in a layer is no bias; None if it is."""
    image = scene.image(port, frozenset({root}))
    if image is None:
        return "reads a constant that is not known; give --input-shape"
    if not image.any():
        return None
    layer = scene.layers.get(port.node.name)
    if layer is None or port.node.op == "MatMul":
        return f"({port.node.op}) has no bias that its constant could be added to"
    found = scene.coupling.of(port.node.inputs[0])
    others = tuple(axis for axis in range(image.ndim) if found is None or axis != found.axis)
    if np.ptp(image, axis=others).any():
        return "reads it with other values at the borders"
    if layer.geometry is not None and any(layer.geometry.pads):
        return "pads it with zeros, so that its constant is none at the borders"
    return None
