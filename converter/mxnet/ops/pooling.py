"""Pooling over windows, over whole maps, and to any number of bins."""

from __future__ import annotations

from math import prod

import numpy as np

from ...pooling import Convention, Kind, Windows, global_pool, mxnet_windows, pool
from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import Shape, check_static

_KINDS: dict[str, Kind] = {"max": "max", "avg": "average", "sum": "sum", "lp": "lp"}
_CONVENTIONS: dict[str, Convention] = {"valid": "valid", "full": "full", "same": "same"}


@operator("Pooling", source="src/operator/nn/pooling.cc")
def pooling(call: OperatorCall) -> Value:
    """Maximum, average, sum or lp norm over windows (`valid`, `full` or `same` rounding) or whole maps."""
    options, x = call.options, call.data
    kind = _KINDS[options.text("pool_type", tuple(_KINDS), "max")]
    layout = options.text("layout", ("NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC"), "NCHW")
    if layout.endswith("C"):
        raise call.unsupported(f"layout {layout} is not read; transpose the network's data to channels first")
    p = options.integer("p_value", 2) if kind == "lp" else 2
    kernel = options.integers("kernel", ())
    convention = _CONVENTIONS[options.text("pooling_convention", tuple(_CONVENTIONS), "valid")]
    counts_padding = options.boolean("count_include_pad", default=True)
    stride, pad = options.integers("stride", ()), options.integers("pad", ())
    if options.boolean("global_pool", default=False):
        made = global_pool(call.builder, x.tensor, kind, x.rank - 2, p=p)
        return call.value(made, (*x.shape[:2], *[1] * (x.rank - 2)))
    axes = len(kernel)
    stride, pad = stride or (1,) * axes, pad or (0,) * axes
    if axes not in (1, 2, 3) or {axes} != {x.rank - 2, len(stride), len(pad)}:
        raise call.error(f"kernel {kernel}, stride {stride} and pad {pad} do not fit data of shape {x.shape}")
    check_static(x.shape[2:], "the pooled axes follow the batch")
    windows = mxnet_windows(x.shape[2:], kernel, stride, pad, convention)
    made = pool(call.builder, x.tensor, windows, kind, count_include_pad=counts_padding, p=p)
    return call.value(made, (*x.shape[:2], *windows.output))


@operator("Pooling_v1", source="src/operator/pooling_v1-inl.h")
def pooling_v1(call: OperatorCall) -> Value:
    """The first pooling: padding takes part in the maximum as 0, and an average divides by the whole window."""
    options, x = call.options, call.data
    kind = _KINDS[options.text("pool_type", ("max", "avg", "sum"), "max")]
    kernel = options.integers("kernel", ())
    convention = _CONVENTIONS[options.text("pooling_convention", ("valid", "full"), "valid")]
    stride, pad = options.integers("stride", ()) or (1, 1), options.integers("pad", ()) or (0, 0)
    if options.boolean("global_pool", default=False):
        return call.value(global_pool(call.builder, x.tensor, kind, x.rank - 2), (*x.shape[:2], *[1] * (x.rank - 2)))
    if x.rank != 4 or {2} != {len(kernel), len(stride), len(pad)}:
        raise call.error(f"kernel {kernel}, stride {stride} and pad {pad} do not fit data of shape {x.shape}")
    check_static(x.shape[2:], "the pooled axes follow the batch")
    windows = mxnet_windows(x.shape[2:], kernel, stride, pad, convention)
    shape = (*x.shape[:2], *windows.output)
    if kind != "max":
        total = pool(call.builder, x.tensor, windows, "sum")
        divided = call.emit("Mul", [total, call.scalar(1 / prod(kernel))]) if kind == "average" else total
        return call.value(divided, shape)
    best = pool(call.builder, x.tensor, windows, "max")
    return call.value(call.emit("Max", [best, call.constant(_padding_maxima(windows))]) if any(pad) else best, shape)


def _padding_maxima(windows: Windows) -> np.ndarray[Shape, np.dtype[np.float32]]:
    """For each window 0 if it holds padding, else a number below all data."""
    pairs = zip(windows.padded_cells(), windows.real_cells(), strict=True)
    rows, columns = (padded > real for padded, real in pairs)
    return np.where(rows[:, None] | columns, 0, np.finfo(np.float32).min).astype(np.float32)


@operator("_contrib_AdaptiveAvgPooling2D", source="src/operator/contrib/adaptive_avg_pooling.cc")
def adaptive_average_pooling(call: OperatorCall) -> Value:
    """The average of each of `output_size` bins; bin i begins at floor(i n / m) and ends at ceil((i + 1) n / m)."""
    x = call.data
    given = call.options.integers("output_size", ()) or (1,)
    bins = given * 2 if len(given) == 1 else given
    if x.rank != 4 or len(bins) != 2 or min(bins) < 1:
        raise call.error(f"output_size {given} does not fit data of shape {x.shape}")
    shape = (*x.shape[:2], *bins)
    if bins == (1, 1):
        return call.value(global_pool(call.builder, x.tensor, "average", 2), shape)
    high, wide = (call.constant(_bin_weights(n, m)) for n, m in zip(x.shape[2:], bins, strict=True))
    by_column = call.emit("MatMul", [x, call.emit("Transpose", [wide], perm=[1, 0])])
    return call.value(call.emit("MatMul", [high, by_column]), shape)


def _bin_weights(size: int, bins: int) -> np.ndarray[Shape, np.dtype[np.float32]]:
    """(bins, size): row i averages bin i."""
    check_static([size], "the pooled axes follow the batch")
    weights = np.zeros((bins, size), np.float32)
    for i in range(bins):
        start, end = i * size // bins, -(-(i + 1) * size // bins)
        weights[i, start:end] = 1 / (end - start)
    return weights
