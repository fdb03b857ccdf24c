"""Reductions over axes, whose ONNX form changed with the opset."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from .onnx_builder import OnnxBuilder

Reduction = Literal["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"]

_AXES_INPUT_SINCE = 18


def reduce(
    builder: OnnxBuilder,
    reduction: Reduction,
    data: str,
    axes: Iterable[int],
    output: str | None = None,
    *,
    keepdims: bool = True,
) -> str:
    """Reduce `data` over `axes` and return the result's name.

    The axes are an attribute before opset 18 and an input from then on; of ReduceSum they are an input since 13.
    """
    listed = list(axes)
    if reduction == "Sum" or builder.opset >= _AXES_INPUT_SINCE:
        inputs = [data, builder.integers(listed, "axes")]
        return builder.node(f"Reduce{reduction}", inputs, output, keepdims=int(keepdims))
    return builder.node(f"Reduce{reduction}", [data], output, axes=listed, keepdims=int(keepdims))
