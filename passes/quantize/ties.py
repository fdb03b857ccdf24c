"""Steps that keep what is rounded away from the middle between two integers, so that all runtimes round alike.

An integer layer rounds a M, where a is a whole number and M = s_in s_w / s_out the quotient of its steps. Runtimes
compute that in different orders, and where a M comes near k + 1/2 they take different integers. Few values do, but what
follows multiplies them: on MobileFaceNet, whose values are rounded a hundred times one after the other, 1e-5 of the
values in the second layer are enough for two runtimes to agree no better than int8 and float do.

With M = p / q and an odd q no multiple of M comes nearer to k + 1/2 than 1 / 2q, which is beyond what float32 loses.
Steps of weights are free enough for that, and so are those around averages and activations; slopes of PRelu are rounded
to 511ths. Pixels less a mean are as few numbers: a step is taken that none of them is half-way between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ...runtime_check.cost import Shape
from ..graph import constant_values, unique_name
from .grid import Grid
from .placement import Placement, data_inputs, final_output
from .sums import shared_steps

F32 = NDArray[np.float32]

_LEAST_DENOMINATOR = 1024
"""Of a quotient: a step is changed by less than one part in 500."""

_LESS = 1 - 1 / _LEAST_DENOMINATOR

_DENOMINATOR = 1023
"""Of the quotients of operators whose inputs are added up; odd."""

_SLOPE_DENOMINATOR = 511
_PRELU_DENOMINATOR = 15
"""Small, because slopes multiply it: 1 / (2 * 15 * 511) is as near as it may come."""

_LEAKY_FACTOR = 4
"""Slopes are tenths, fifths or hundredths, mostly: so many steps more keep the denominator odd."""

_DEVIATIONS = np.array([0.0, *(sign * part for part in np.linspace(0.0005, 0.01, 20) for sign in (-1, 1))])
_NEAR = 1e-3
"""What counts as half-way: onnxruntime divides by a step, others multiply with its inverse."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of the grids that a layer lies between.

    Attributes:
        input: of its input.
        output: of its output; None where that stays float.
    """

    input: float
    output: float | None


def layer_steps(graph: gs.Graph, placement: Placement, grids: Mapping[str, Grid]) -> dict[str, Steps]:
    """The steps around every integer layer, by its name."""
    found = {}
    for node in placement.layers:
        output = placement.groups.get(final_output(graph, node).name)
        step = grids[placement.groups[node.inputs[0].name]].scale
        found[node.name] = Steps(step, None if output is None else grids[output].scale)
    return found


def untied_scales(scales: F32, steps: Steps) -> F32:
    """(N,) steps of filters, within one part in 1000 of `scales`, whose products are rounded alike everywhere."""
    if steps.output is None:
        return scales
    quotients = scales.astype(np.float64) * steps.input / steps.output
    return np.asarray(scales * (_untied(quotients) / quotients), np.float32)


def _untied(quotient: NDArray[np.float64]) -> NDArray[np.float64]:
    """The p / q nearest to `quotient` with q odd and p the smallest for which q is at least 1024."""
    p = np.ceil(_LEAST_DENOMINATOR * quotient)
    return np.asarray(p / (2 * np.rint((p / quotient - 1) / 2) + 1))


def step_between(step: float, values: F32) -> float:
    """A step, at most 1 % from `step`, that leaves as few `values` as can be half-way between two multiples."""
    steps = step * (1 + _DEVIATIONS)
    offsets = np.abs(values[:, None].astype(np.float64) / steps % 1 - 0.5)
    return float(np.float32(steps[np.argmin((offsets < _NEAR).sum(axis=0))]))


def untie_grids(
    graph: gs.Graph, placement: Placement, grids: Mapping[str, Grid], shapes: Mapping[str, Shape]
) -> dict[str, Grid]:
    """Grids whose steps suit those of what is made of them.

    Args:
        graph: whose slopes of PRelu are rounded in place.
        placement: of it.
        grids: by group of tensors.
        shapes: of its tensors.
    """
    shared = shared_steps(graph, placement, grids)
    grids = {group: grid.coarser(shared[group]) if group in shared else grid for group, grid in grids.items()}
    untying = _Untying(placement.groups, {group: grid.scale for group, grid in grids.items()}, shapes, set(shared))
    operators = {id(node) for node in placement.operators}
    for node in reversed(graph.nodes):
        output = final_output(graph, node).name
        if output in placement.groups and (id(node) in operators or node.op == "PRelu"):
            untying.visit(node, output)
            if node.op == "PRelu":
                _round_slopes(graph, node)
    return {group: replace(grid, scale=untying.steps[group]) for group, grid in grids.items()}


@dataclass(slots=True)
class _Untying:
    """Chooses steps operator by operator, from the last to the first.

    Attributes:
        groups: of tensors, by name.
        steps: as they are now, by group.
        shapes: of tensors.
        done: groups whose step is settled.
    """

    groups: Mapping[str, str]
    steps: dict[str, float]
    shapes: Mapping[str, Shape]
    done: set[str] = field(default_factory=set)

    def visit(self, node: gs.Node, output: str) -> None:
        """Choose the step of an operator's inputs, or of its output where its only input's is settled."""
        made, inputs = self.groups[output], data_inputs(node)
        for tensor in inputs:
            read = self.groups.get(tensor.name, made)
            quotient = self._quotient(node, tensor.name, self.steps[read] / self.steps[made])
            if read == made or quotient is None:
                continue
            if read not in self.done:
                self._settle(read, quotient * self.steps[made])
            elif made not in self.done and len(inputs) == 1:
                self._settle(made, self.steps[read] / quotient)
        self.done.add(made)

    def _settle(self, group: str, step: float) -> None:
        self.steps[group] = float(np.float32(step))
        self.done.add(group)

    def _quotient(self, node: gs.Node, tensor: str, quotient: float) -> float | None:
        """The step of an input over the output's, near `quotient`, that meets no ties; None where any does."""
        if node.op in {"Add", "Concat"}:
            return max(1, math.floor(_DENOMINATOR * quotient)) / _DENOMINATOR
        if node.op == "LeakyRelu":
            return _LEAKY_FACTOR * max(1, math.floor(_DENOMINATOR * quotient / _LEAKY_FACTOR)) / _DENOMINATOR
        if node.op == "PRelu":
            return max(1, round(_PRELU_DENOMINATOR * quotient)) / _PRELU_DENOMINATOR
        factor = self._factor(node, tensor)
        # A little less, so that the grid of a Clip stays within its bounds.
        return None if factor is None else float(_untied(np.array(_LESS * quotient * factor))) / factor

    def _factor(self, node: gs.Node, tensor: str) -> float | None:
        """What a step of the input is multiplied with before it is rounded to steps of the output."""
        if node.op == "Mul":
            other = next((one.name for one in node.inputs if one.name != tensor), None)
            return None if other is None else self.steps[self.groups[other]]
        if node.op == "AveragePool":
            return 1 / float(math.prod(node.attrs["kernel_shape"]))
        sizes = self.shapes.get(tensor, ())[2:] if node.op == "GlobalAveragePool" else ()
        known = [size for size in sizes if size is not None]
        return 1 / math.prod(known) if known and len(known) == len(sizes) else None


def _round_slopes(graph: gs.Graph, node: gs.Node) -> None:
    slopes = constant_values(node.inputs[1])
    if slopes is not None:
        rounded = np.rint(slopes * _SLOPE_DENOMINATOR) / _SLOPE_DENOMINATOR
        node.inputs[1] = gs.Constant(unique_name(graph, f"{node.name}_slope"), rounded.astype(np.float32))
