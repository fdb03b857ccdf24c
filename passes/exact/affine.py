"""Maps y = scale * x + shift per channel, in all the forms that exporters write them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..graph import constant_values

AFFINE = frozenset({"BatchNormalization", "Mul", "Div", "Add", "Sub"})
"""Operators that may be such a map."""


@dataclass(frozen=True, slots=True)
class Affine:
    """y = scale * x + shift, per channel; both (N,) or (1,)."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    @property
    def is_finite(self) -> bool:
        """Whether both are numbers; the variance of a normalization may be 0 or worse."""
        return bool(np.isfinite(self.scale).all() and np.isfinite(self.shift).all())


def affine_of(node: gs.Node, operand: gs.Tensor, channels: int, rank: int) -> Affine | str:
    """What `node` does to each channel of `operand`, or why it is no such map.

    Args:
        node: a BatchNormalization, Mul, Div, Add or Sub.
        operand: the tensor that it reads, (batch, channels, ...).
        channels: of `operand`.
        rank: of `operand`.
    """
    if node.op == "BatchNormalization":
        return _batchnorm_affine(node)
    first = node.inputs[0] is operand
    values = constant_values(node.inputs[1 if first else 0])
    if values is None:
        return "its other operand is not constant"
    if values.dtype.kind != "f":
        return f"its constant is {values.dtype}"
    per_channel = _per_channel(values, channels, rank)
    if per_channel is None:
        return f"its constant of shape {values.shape} is not one number per channel"
    one, zero = np.ones(1), np.zeros(1)
    if node.op == "Mul":
        return Affine(per_channel, zero)
    if node.op == "Add":
        return Affine(one, per_channel)
    if node.op == "Sub":
        return Affine(one, -per_channel) if first else Affine(-one, per_channel)
    if not first or not per_channel.all():
        return "it divides by what is no constant other than zero"
    return Affine(1 / per_channel, zero)


def _batchnorm_affine(node: gs.Node) -> Affine | str:
    values = [constant_values(tensor) for tensor in node.inputs[1:5]]
    if any(value is None for value in values):
        return "its statistics are not constant"
    if node.attrs.get("training_mode", 0) or len(node.outputs) > 1:
        return "it is in training mode"
    gamma, beta, mean, variance = (np.asarray(value, dtype=np.float64) for value in values)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = gamma / np.sqrt(variance + node.attrs.get("epsilon", 1e-5))
        shift = beta - mean * scale
    return Affine(scale, shift)


def _per_channel(values: NDArray[np.generic], channels: int, rank: int) -> NDArray[np.float64] | None:
    """`values` as (1,) or (N,), if that is how they broadcast over a (batch, N, ...) tensor of the given rank."""
    if values.size == 1 and values.ndim <= rank:
        return values.astype(np.float64).reshape(1)
    aligned = (1,) * (rank - values.ndim) + values.shape
    return values.astype(np.float64).reshape(-1) if aligned == (1, channels, *[1] * (rank - 2)) else None
