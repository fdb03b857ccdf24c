"""`resize`: enlarging by whole numbers to the nearest neighbour, in the form that is quickest to compute.

Proof sketch: enlarged s times, output i lies at (i + 1/2) / s - 1/2 between inputs if pixels are taken for areas. Its
distance from floor(i / s) is at most 1/2 - 1 / (2 s) < 1/2, so that rounding gives floor(i / s) whichever way it rounds
ties: what `asymmetric` coordinates, i / s, rounded down say as well. onnxruntime has a quick way for those: 0.05 ms in
the place of 0.18 for 64 x 28 x 28 (docs/exact.md).
"""

from __future__ import annotations

import onnx_graphsurgeon as gs

from ..graph import constant_values
from .rule import Rewrite, Rule, Scene

_AREAS = frozenset({"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"})
_ROUNDING = frozenset({"round_prefer_floor", "round_prefer_ceil"})
_FIRST_OPSET = 11
"""From here on Resize says how coordinates are meant."""


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A Resize to the nearest neighbour whose sizes are known, or its scales given."""
    if scene.opset < _FIRST_OPSET or node.attrs.get("mode", "nearest") != "nearest":
        return None
    coordinates = node.attrs.get("coordinate_transformation_mode", "half_pixel")
    if coordinates not in _AREAS or node.attrs.get("nearest_mode", "round_prefer_floor") not in _ROUNDING:
        return None
    factors = _factors(node, scene)
    if factors is None or any(factor < 1 or factor != int(factor) for factor in factors):
        return "it does not enlarge by whole numbers, as far as is known"
    return Rewrite("nearest neighbour by rounding down", lambda: _apply(node))


def _factors(node: gs.Node, scene: Scene) -> list[float] | None:
    """How many times each axis is enlarged."""
    given = constant_values(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2].name else None
    if given is not None and given.size:
        return [float(factor) for factor in given.reshape(-1)]
    before, after = scene.shape(node.inputs[0]), scene.shape(node.outputs[0])
    if before is None or after is None or None in before[1:] or None in after[1:]:
        return None
    return [(large or 0) / (small or 1) for large, small in zip(after[1:], before[1:], strict=True)]


def _apply(node: gs.Node) -> None:
    node.attrs |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


RULE = Rule("resize", frozenset({"Resize"}), match, targets=frozenset({"onnxruntime"}))
