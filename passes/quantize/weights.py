"""A layer's weights as integers, and the real numbers they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from .grid import weight_limit
from .rounding import filter_scales, nearest
from .ties import Steps, untied_scales

F32 = NDArray[np.float32]

_LARGEST_BIAS = 2.0**30
"""Of a bias in steps: half of what an int32 accumulator holds, so that the products have room too."""


@dataclass(frozen=True, slots=True)
class IntegerWeights:
    """What a layer computes with.

    Attributes:
        values: s8 (N, C/G, kh, kw) or (N, C).
        scales: (N,), the step of each filter's grid.
        bias: real (N,).
    """

    values: NDArray[np.int8]
    scales: F32
    bias: F32

    @property
    def real(self) -> F32:
        """The weights that the integers stand for."""
        return self.values.astype(np.float32) * self.scales.reshape(-1, *[1] * (self.values.ndim - 1))


def layer_scales(layer: Layer, steps: Steps | None, *, bits: int, clipped: bool, importance: F32 | None = None) -> F32:
    """(N,): the steps of a layer's filters, wide enough for its bias.

    Args:
        layer: the layer.
        steps: of the grids around it; None for a layer that computes in float.
        bits: of the weights.
        clipped: whether to search for the clipping of least squared error.
        importance: mean square of the inputs, (D,) or (N, D).
    """
    flat = layer.weight.reshape(layer.filters, -1)
    scales = filter_scales(flat, weight_limit(bits), importance, clipped=clipped)
    if steps is None:
        return scales
    if layer.node.op == "MatMul":  # onnxruntime multiplies matrices with one step only
        scales = np.full_like(scales, np.abs(flat).max() / weight_limit(bits) or 1.0)
    if layer.bias is not None:
        # Dead filters with a bias would otherwise overflow it.
        scales = np.maximum(scales, np.abs(layer.bias) / np.float32(steps.input * _LARGEST_BIAS))
    return untied_scales(scales.astype(np.float32), steps)


def rounded_to_nearest(layer: Layer, scales: F32, *, bits: int) -> IntegerWeights:
    """The layer's own weights, each rounded to the nearest integer."""
    flat = layer.weight.reshape(layer.filters, -1)
    values = nearest(flat, scales, weight_limit(bits)).reshape(layer.weight.shape)
    bias = np.zeros(layer.filters, np.float32) if layer.bias is None else layer.bias
    return IntegerWeights(values, scales, bias)
