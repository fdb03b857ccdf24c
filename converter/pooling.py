"""Pooling as Caffe and MXNet define it, written so that every onnxruntime computes the same.

`ceil_mode` is never emitted: onnxruntime up to 1.23 gets it wrong, in shape or in divisor. The windows that hang over
the far edge become explicit end pads, and where overhang and padding meet, a constant map corrects the divisor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce as fold
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError, UnsupportedError
from .onnx_builder import OnnxBuilder
from .reduction import reduce

RoundMode = Literal["CEIL", "FLOOR"]
Convention = Literal["valid", "full", "same"]
Kind = Literal["max", "average", "sum", "lp"]

_OPSET_MISCOUNTING = 19
"""From here on onnxruntime with bug 26708 counts pads wrong that AveragePool includes and that are unequal."""


def caffe_pooled_size(size: int, kernel: int, stride: int, pad: int, *, round_mode: RoundMode, drop: bool) -> int:
    """Number of windows along one axis in Caffe (BVLC `pooling_layer.cpp`, Reshape).

    Args:
        size: of the data along the axis.
        kernel: of the window.
        stride: between windows.
        pad: on both sides.
        round_mode: of the division by the stride.
        drop: whether any axis of the layer is padded; then a last window that starts beyond the data and its near
            padding is left out.
    """
    pooled = _divide(size + 2 * pad - kernel, stride, round_mode=round_mode) + 1
    if drop and (pooled - 1) * stride >= size + pad:
        pooled -= 1
    return pooled


def mxnet_pooled_size(size: int, kernel: int, stride: int, pad: int, convention: Convention) -> int:
    """Number of windows along one axis in MXNet (`src/operator/nn/pooling.cc`, PoolingShape)."""
    if convention == "same":
        return _divide(size + 2 * pad, stride, round_mode="CEIL")
    return _divide(size + 2 * pad - kernel, stride, round_mode="CEIL" if convention == "full" else "FLOOR") + 1


def _divide(dividend: int, divisor: int, *, round_mode: RoundMode) -> int:
    return dividend // divisor if round_mode == "FLOOR" else -(-dividend // divisor)


@dataclass(frozen=True, slots=True)
class Windows:
    """Where the windows of one pooling lie, axis by axis (1 to 3 spatial axes).

    Attributes:
        sizes: of the data.
        kernel: of the window.
        stride: between windows.
        pads: before the data.
        end_pads: after the data, as the framework counts them; windows may hang over these too.
        output: number of windows.

    Raises:
        SourceError: no window fits.
        UnsupportedError: a window holds nothing but padding; the framework's answer is then no number.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]
    end_pads: tuple[int, ...]
    output: tuple[int, ...]

    def __post_init__(self) -> None:
        if min(self.output) < 1:
            raise SourceError(
                f"the pooling window {self.kernel} is larger than the data {self.sizes} with its padding {self.pads}"
            )
        if min(cells.min() for cells in self.real_cells()) <= 0:
            raise UnsupportedError(
                "pooling",
                [
                    f"with data {self.sizes}, kernel {self.kernel}, stride {self.stride} and pad {self.pads} a window "
                    "lies wholly outside the data, where the framework gives -FLT_MAX or NaN; change the pad, the "
                    "stride or the input size"
                ],
            )

    @property
    def overhang(self) -> tuple[int, ...]:
        """Cells by which the last window exceeds the padded data, 0 or more."""
        rows = zip(self.sizes, self.kernel, self.stride, self.pads, self.end_pads, self.output, strict=True)
        return tuple(max(0, (o - 1) * s + k - (n + p + e)) for n, k, s, p, e, o in rows)

    def real_cells(self) -> list[NDArray[np.int64]]:
        """Along each axis, the cells of data in each window; their outer product counts a window's cells."""
        return self._cells([0] * len(self.sizes), [0] * len(self.sizes))

    def padded_cells(self) -> list[NDArray[np.int64]]:
        """Along each axis, the cells of data and padding in each window; what hangs over does not count."""
        return self._cells(self.pads, self.end_pads)

    def _cells(self, before: Sequence[int], after: Sequence[int]) -> list[NDArray[np.int64]]:
        counts = []
        for axis, size in enumerate(self.sizes):
            start = np.arange(self.output[axis], dtype=np.int64) * self.stride[axis] - self.pads[axis]
            end = np.minimum(start + self.kernel[axis], size + after[axis])
            counts.append(end - np.maximum(start, -before[axis]))
        return counts


def caffe_windows(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[int],
    *,
    end_pads: Sequence[int] | None = None,
    round_mode: RoundMode = "CEIL",
) -> Windows:
    """The windows of a Caffe Pooling layer.

    Args:
        sizes: of the data's spatial axes.
        kernel: of the window, per axis.
        stride: per axis.
        pads: before the data, per axis.
        end_pads: after the data where a fork has pad_b and pad_r; the same as `pads` by default.
        round_mode: the layer's `round_mode` (a fork's `ceil_mode: false` is FLOOR).
    """
    ends = tuple(pads if end_pads is None else end_pads)
    _check(kernel, stride, [*pads, *ends])
    padded = any(pads) or any(ends)
    output = []
    for n, k, s, p, e in zip(sizes, kernel, stride, pads, ends, strict=True):
        pooled = caffe_pooled_size(n + e - p, k, s, p, round_mode=round_mode, drop=False)
        output.append(pooled - 1 if padded and (pooled - 1) * s >= n + p else pooled)
    return Windows(tuple(sizes), tuple(kernel), tuple(stride), tuple(pads), ends, tuple(output))


def mxnet_windows(
    sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], pads: Sequence[int], convention: Convention
) -> Windows:
    """The windows of an MXNet Pooling operator; arguments as of `caffe_windows`."""
    _check(kernel, stride, pads)
    output = [mxnet_pooled_size(n, k, s, p, convention) for n, k, s, p in zip(sizes, kernel, stride, pads, strict=True)]
    return Windows(tuple(sizes), tuple(kernel), tuple(stride), tuple(pads), tuple(pads), tuple(output))


def _check(kernel: Sequence[int], stride: Sequence[int], pads: Sequence[int]) -> None:
    if min(*kernel, *stride, 1) < 1 or min(*pads, 0) < 0:
        raise SourceError(
            f"pooling with kernel {tuple(kernel)}, stride {tuple(stride)}, pad {tuple(pads)}: kernel and stride must "
            "be at least 1, pads at least 0"
        )


def pool(
    builder: OnnxBuilder,
    data: str,
    windows: Windows,
    kind: Kind,
    output: str | None = None,
    *,
    count_include_pad: bool = True,
    p: int = 2,
) -> str:
    """Pool `data` (batch, channels, spatial...) and return the pooled tensor's name.

    Args:
        builder: receives the nodes.
        data: the tensor to pool.
        windows: from `caffe_windows` or `mxnet_windows`.
        kind: 'sum' adds the data in each window; 'lp' is (sum x^p)^(1/p) without absolute value, as in MXNet.
        output: wanted name of the result.
        count_include_pad: whether padding counts in the average's divisor; Caffe's AVE always counts it.
        p: exponent of 'lp', 1 to 3.
    """
    if kind == "max":
        return builder.node("MaxPool", [data], output, **_attributes(windows))
    if kind == "average":
        divisor = windows.padded_cells() if count_include_pad else windows.real_cells()
        return _average(builder, data, windows, divisor, output)
    ones = [np.ones(count, np.int64) for count in windows.output]
    if kind == "sum":
        return _average(builder, data, windows, ones, output)
    return _root(builder, _average(builder, _power(builder, data, p), windows, ones, None), p, output)


def max_pool_with_mask(
    builder: OnnxBuilder, data: str, windows: Windows, output: str | None = None, mask: str | None = None
) -> tuple[str, str]:
    """Max pooling and, as a float tensor, the flat index of each maximum inside its channel (Caffe's second top)."""
    names = [output or "MaxPool_out", "MaxPool_indices"]
    pooled, flat = builder.node_with_outputs("MaxPool", [data], names, **_attributes(windows))
    within = builder.node("Mod", [flat, builder.integers(prod(windows.sizes), "channel_size")])
    return pooled, builder.node("Cast", [within], mask, to=1)


def global_pool(
    builder: OnnxBuilder, data: str, kind: Kind, spatial_axes: int, output: str | None = None, *, p: int = 2
) -> str:
    """Pool each channel of `data` (batch, channels, spatial...) to one number; keeps the rank.

    Args:
        builder: receives the nodes.
        data: the tensor to pool.
        kind: as of `pool`.
        spatial_axes: how many follow batch and channels.
        output: wanted name of the result.
        p: exponent of 'lp', 1 to 3.
    """
    if kind in ("max", "average"):
        return builder.node("GlobalMaxPool" if kind == "max" else "GlobalAveragePool", [data], output)
    axes = range(2, 2 + spatial_axes)
    if kind == "sum":
        return reduce(builder, "Sum", data, axes, output)
    return _root(builder, reduce(builder, "Sum", _power(builder, data, p), axes), p, output)


def _average(
    builder: OnnxBuilder, data: str, windows: Windows, divisor: Sequence[NDArray[np.int64]], output: str | None
) -> str:
    """The sum of each window's data over `divisor`: AveragePool, and a Mul where its own divisor is another."""
    padding_counts = not any(windows.overhang) and windows.pads == windows.end_pads and any(windows.pads)
    if builder.opset >= _OPSET_MISCOUNTING and len(set(windows.pads)) > 1:
        padding_counts = False
    own = windows.padded_cells() if padding_counts else windows.real_cells()
    attributes = {**_attributes(windows), "count_include_pad": int(padding_counts)}
    correction = [have / want for have, want in zip(own, divisor, strict=True)]
    if all((ratio == 1).all() for ratio in correction):
        return builder.node("AveragePool", [data], output, **attributes)
    if all((ratio == ratio[0]).all() for ratio in correction):
        correction = [ratio[:1] for ratio in correction]
    factor = builder.constant(fold(np.multiply.outer, correction).astype(np.float32)[None, None], "window_cells")
    return builder.node("Mul", [builder.node("AveragePool", [data], **attributes), factor], output)


def _attributes(windows: Windows) -> dict[str, Any]:
    """Of MaxPool and AveragePool; `ceil_mode` stays 0."""
    ends = [e + o for e, o in zip(windows.end_pads, windows.overhang, strict=True)]
    return {
        "kernel_shape": list(windows.kernel),
        "strides": list(windows.stride),
        "pads": [*windows.pads, *ends],
    }


def _power(builder: OnnxBuilder, data: str, p: int) -> str:
    if p not in (1, 2, 3):
        raise UnsupportedError("pooling", [f"lp pooling is defined for p_value 1, 2 and 3, not {p}"])
    powered = data
    for _ in range(p - 1):
        powered = builder.node("Mul", [powered, data])
    return powered


def _root(builder: OnnxBuilder, data: str, p: int, output: str | None) -> str:
    """The p-th root; the cubic one keeps the sign, as cbrtf does (ONNX Pow of a negative base is NaN)."""
    if p == 1:
        return builder.node("Identity", [data], output)
    if p == 2:
        return builder.node("Sqrt", [data], output)
    third = builder.constant(np.float32(1 / 3), "third")
    magnitude = builder.node("Pow", [builder.node("Abs", [data]), third])
    return builder.node("Mul", [magnitude, builder.node("Sign", [data])], output)
