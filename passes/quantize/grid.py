"""The grid of integers that a tensor is rounded to, and how real ranges and weights become grids.

ONNX's definition of QuantizeLinear and DequantizeLinear: q = saturate(round(x / scale) + zero_point), rounding half to
even, and x' = (q - zero_point) * scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

WEIGHT_BITS = 8
_SMALLEST_SCALE = 1e-30
"""Keeps 1 / scale finite in float32 where a tensor is constantly zero."""


@dataclass(frozen=True, slots=True)
class Grid:
    """One scale and zero point for a whole tensor.

    Attributes:
        scale: step between neighbours, as float32 holds it.
        zero_point: the integer that stands for 0.
        lowest: smallest integer used.
        highest: largest integer used.
        signed: s8 rather than u8.
    """

    scale: float
    zero_point: int
    lowest: int
    highest: int
    signed: bool = False

    @property
    def low(self) -> float:
        """The smallest real number on the grid."""
        return (self.lowest - self.zero_point) * self.scale

    @property
    def high(self) -> float:
        """The largest real number on the grid."""
        return (self.highest - self.zero_point) * self.scale

    def coarser(self, scale: float) -> Grid:
        """The grid of a larger step, whose middle lies where this one's does; one from 0 upwards stays that."""
        if self.zero_point in {self.lowest, self.highest}:
            return replace(self, scale=scale)
        middle = (self.low + self.high) / 2
        zero_point = round((self.lowest + self.highest) / 2 - middle / scale)
        return replace(self, scale=scale, zero_point=min(max(zero_point, self.lowest), self.highest))

    @property
    def saturates(self) -> bool:
        """Whether QuantizeLinear's own saturation is where this grid ends; not with fewer than 8 bits."""
        return self.highest - self.lowest == (1 << WEIGHT_BITS) - 1


def activation_grid(low: float, high: float, *, bits: int = 8, signed: bool = False) -> Grid:
    """The grid of an activation that lies in [low, high]; 0 is on it, as zero padding and Relu need.

    Where nothing is negative the zero point is the smallest integer, so that onnxruntime absorbs a Relu.

    Args:
        low: smallest value; above 0 counts as 0.
        high: largest value; below 0 counts as 0.
        bits: of the integers used.
        signed: s8 instead of u8.
    """
    levels = (1 << bits) - 1
    low, high = min(low, 0.0), max(high, 0.0)
    lowest = -(1 << (WEIGHT_BITS - 1)) if signed else 0
    # Rounded down: onnxruntime absorbs a Clip only if the whole grid lies within its bounds.
    scale = np.nextafter(np.float32((high - low) / levels), np.float32(0)) if high > low else np.float32(1)
    scale = max(float(scale), _SMALLEST_SCALE)
    zero_point = lowest + round(min(max(-low / scale, 0.0), float(levels)))
    return Grid(float(np.float32(scale)), zero_point, lowest, lowest + levels, signed)


def weight_limit(bits: int) -> int:
    """The largest magnitude of symmetric integers: -127 to 127 with 8 bits."""
    return (1 << (bits - 1)) - 1
