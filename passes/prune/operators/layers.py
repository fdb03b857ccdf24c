"""Layers with weights: they end the channels they read and begin new ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..channels import Atoms, Coupling, Cut, Kept, Literal, NotFollowedError, Port
from ..registry import follows


@follows("Conv")
def conv(node: gs.Node, coupling: Coupling) -> None:
    """Weights (N, C/G, ...). Depthwise ones hand their channels on; so do groups that outnumber their channels."""
    weight = coupling.constant(node, 1, "weights")
    group = int(node.attrs.get("group", 1))
    given = coupling.on_axis(node.inputs[0], 1)
    _require_bias(node, coupling)
    per_group = int(weight.shape[1])
    if group > per_group:
        if given is None:
            return
        made = _whole_groups(node, weight, given, coupling)
    else:
        made = coupling.new(len(weight))
        coupling.tie_rows(made.reshape(group, -1))
        if given is not None:
            read = coupling.tie_rows(given.reshape(group, -1))
            coupling.cuts.append(Cut(node, 1, 1, read))
            coupling.consumers.append(Port(node, read))
    _produce(node, coupling, made, weight_axis=0)
    coupling.hand_on(node.outputs[0], 1, made)


def _whole_groups(node: gs.Node, weight: NDArray[np.generic], given: Atoms, coupling: Coupling) -> Atoms:
    """The outputs of a convolution that loses whole groups, inputs and outputs together."""
    group = int(node.attrs["group"])
    rows = given.reshape(group, -1)
    for row in rows:
        coupling.unite(row[:-1], row[1:])
    coupling.literals.append(Literal(rows[:, 0], _group_writer(node)))
    return np.repeat(rows[:, 0], len(weight) // group)


def _group_writer(node: gs.Node) -> Callable[[Kept], None]:
    def write(kept: Kept) -> None:
        node.attrs["group"] = int(kept.sum())

    return write


def _require_bias(node: gs.Node, coupling: Coupling) -> None:
    if len(node.inputs) > 2 and node.inputs[2].name:
        coupling.constant(node, 2, "biases")


def _produce(node: gs.Node, coupling: Coupling, made: Atoms, *, weight_axis: int) -> None:
    coupling.cuts.append(Cut(node, 1, weight_axis, made))
    if len(node.inputs) > 2 and node.inputs[2].name:
        coupling.cuts.append(Cut(node, 2, len(coupling.shape(node.inputs[2])) - 1, made))
    coupling.producers.append(Port(node, made))


@follows("ConvTranspose")
def conv_transpose(node: gs.Node, coupling: Coupling) -> None:
    """Weights (C, N/G, ...); of grouped ones only the depthwise are followed."""
    weight = coupling.constant(node, 1, "weights")
    group = int(node.attrs.get("group", 1))
    given = coupling.on_axis(node.inputs[0], 1)
    _require_bias(node, coupling)
    if group == 1:
        made = coupling.new(int(weight.shape[1]))
        if given is not None:
            coupling.cuts.append(Cut(node, 1, 0, given))
            coupling.consumers.append(Port(node, given))
        _produce(node, coupling, made, weight_axis=1)
        coupling.hand_on(node.outputs[0], 1, made)
        return
    if weight.shape[1] != 1 or len(weight) != group:
        raise NotFollowedError("it is grouped")
    if given is not None:
        coupling.literals.append(Literal(given, _group_writer(node)))
        _produce(node, coupling, given, weight_axis=0)
        coupling.hand_on(node.outputs[0], 1, given)


@follows("Gemm")
def gemm(node: gs.Node, coupling: Coupling) -> None:
    """Weights (N, C) or, without transB, (C, N)."""
    weight = coupling.constant(node, 1, "weights")
    if node.attrs.get("transA", 0):
        raise NotFollowedError("it transposes its input")
    _require_bias(node, coupling)
    channel_axis = 1 if node.attrs.get("transB", 0) else 0
    filters = int(weight.shape[1 - channel_axis])
    if len(node.inputs) > 2 and node.inputs[2].name:
        shape = coupling.shape(node.inputs[2])
        if shape not in {(filters,), (1, filters)}:
            raise NotFollowedError(f"its bias of shape {shape} is not one number per output")
    given = coupling.on_axis(node.inputs[0], 1)
    if given is not None:
        coupling.cuts.append(Cut(node, 1, channel_axis, given))
        coupling.consumers.append(Port(node, given))
    made = coupling.new(filters)
    _produce(node, coupling, made, weight_axis=1 - channel_axis)
    coupling.hand_on(node.outputs[0], 1, made)


@follows("MatMul")
def matmul(node: gs.Node, coupling: Coupling) -> None:
    """Weights (C, N) on the right."""
    weight = coupling.constant(node, 1, "weights")
    if weight.ndim != 2:
        raise NotFollowedError(f"its weights have rank {weight.ndim}")
    last = len(coupling.shape(node.inputs[0])) - 1
    found = coupling.of(node.inputs[0])
    if found is not None and found.axis != last:
        raise NotFollowedError(f"its channels lie on axis {found.axis}, not {last}")
    if found is not None:
        coupling.cuts.append(Cut(node, 1, 0, found.atoms))
        coupling.consumers.append(Port(node, found.atoms))
    made = coupling.new(int(weight.shape[1]))
    _produce(node, coupling, made, weight_axis=1)
    coupling.hand_on(node.outputs[0], last, made)


@follows("BatchNormalization", "InstanceNormalization")
def normalization(node: gs.Node, coupling: Coupling) -> None:
    """One number per channel in every parameter."""
    given = coupling.on_axis(node.inputs[0], 1)
    for index in range(1, len(node.inputs)):
        coupling.constant(node, index, "parameters")
    if len(node.outputs) > 1:
        raise NotFollowedError("it is in training mode")
    if given is not None:
        coupling.cuts.extend(Cut(node, index, 0, given) for index in range(1, len(node.inputs)))
        coupling.hand_on(node.outputs[0], 1, given)
