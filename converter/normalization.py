"""Normalizations that Caffe and MXNet share, each with its own place for epsilon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .onnx_builder import OnnxBuilder
from .pooling import caffe_windows, pool
from .reduction import reduce

Array = NDArray[np.floating[Any]]


def batch_normalize(
    builder: OnnxBuilder,
    data: str,
    *,
    scale: Array,
    bias: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    axis: int = 1,
    rank: int = 4,
    output: str | None = None,
    name: str = "batch_norm",
) -> str:
    """Batch normalization at inference: (x - mean) / sqrt(variance + epsilon) * scale + bias.

    Args:
        builder: receives the nodes.
        data: tensor whose axis `axis` holds the C channels.
        scale: (C,), Caffe's Scale layer or MXNet's gamma.
        bias: (C,).
        mean: (C,), the moving average.
        variance: (C,), the moving average.
        epsilon: added to the variance.
        axis: of the channels. ONNX knows only axis 1; others become a Mul and an Add.
        rank: of `data`; used where `axis` is not 1.
        output: wanted name of the result.
        name: prefix of the constants' names.
    """
    if axis % rank == 1:
        values = {"scale": scale, "bias": bias, "mean": mean, "variance": variance}
        parameters = [builder.constant(array.reshape(-1), f"{name}/{key}") for key, array in values.items()]
        return builder.node("BatchNormalization", [data, *parameters], output, epsilon=epsilon)
    factor = scale.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return scale_and_shift(
        builder, data, factor, bias - mean * factor, following=rank - 1 - axis % rank, output=output, name=name
    )


def scale_and_shift(
    builder: OnnxBuilder,
    data: str,
    factor: Array,
    shift: Array,
    *,
    following: int,
    output: str | None = None,
    name: str = "scale",
) -> str:
    """`data` * `factor` + `shift`, both (C,), along the axis that `following` further axes follow."""
    shape = (-1, *[1] * following)
    factor_name = builder.constant(factor.reshape(shape), f"{name}/factor", np.float32)
    shift_name = builder.constant(shift.reshape(shape), f"{name}/shift", np.float32)
    return builder.node("Add", [builder.node("Mul", [data, factor_name]), shift_name], output)


def l2_normalize(
    builder: OnnxBuilder,
    data: str,
    axes: Iterable[int],
    epsilon: float,
    output: str | None = None,
    *,
    inside_root: bool = True,
) -> str:
    """Divide by sqrt(sum over `axes` of x^2 + epsilon): Caffe's Normalize and MXNet's L2Normalization.

    Where not `inside_root`, epsilon is added to the root.
    """
    total = reduce(builder, "SumSquare", data, axes)
    return builder.node("Div", [data, _root(builder, total, epsilon, inside_root=inside_root)], output)


def respond_across_channels(
    builder: OnnxBuilder, data: str, *, size: int, alpha: float, beta: float, k: float, output: str | None = None
) -> str:
    """Divide by (k + alpha / size * sum of x^2 over `size` channels around)^beta; alike in Caffe, MXNet and ONNX."""
    return builder.node("LRN", [data], output, size=size, alpha=alpha, beta=beta, bias=k)


def respond_within_channel(
    builder: OnnxBuilder,
    data: str,
    *,
    sizes: Sequence[int],
    size: int,
    alpha: float,
    beta: float,
    output: str | None = None,
) -> str:
    """Multiply by (1 + alpha * average of x^2 over a `size` x `size` window)^-beta.

    Caffe's WITHIN_CHANNEL region (`lrn_layer.cpp`): the average counts the padding, and k is ignored.

    Args:
        builder: receives the nodes.
        data: (batch, channels, height, width).
        sizes: height and width.
        size: of the window, odd.
        alpha: weight of the average.
        beta: the exponent.
        output: wanted name of the result.
    """
    windows = caffe_windows(sizes, [size] * len(sizes), [1] * len(sizes), [(size - 1) // 2] * len(sizes))
    average = pool(builder, builder.node("Mul", [data, data]), windows, "average")
    weighted = builder.node("Mul", [average, builder.constant(np.float32(alpha), "alpha")])
    base = builder.node("Add", [weighted, builder.constant(np.float32(1), "one")])
    factor = builder.node("Pow", [base, builder.constant(np.float32(-beta), "minus_beta")])
    return builder.node("Mul", [data, factor], output)


def standardize(
    builder: OnnxBuilder,
    data: str,
    axes: Sequence[int],
    *,
    epsilon: float | None,
    inside_root: bool,
    output: str | None = None,
) -> str:
    """(x - mean) / deviation over `axes`, with the biased variance.

    Args:
        builder: receives the nodes.
        data: any tensor.
        axes: to average over.
        epsilon: keeps the division finite; None subtracts the mean only.
        inside_root: whether epsilon is added to the variance (layer and group normalization) or, as Caffe's MVN does,
            to its root.
        output: wanted name of the result.
    """
    mean = reduce(builder, "Mean", data, axes)
    if epsilon is None:
        return builder.node("Sub", [data, mean], output)
    centred = builder.node("Sub", [data, mean])
    variance = reduce(builder, "Mean", builder.node("Mul", [centred, centred]), axes)
    return builder.node("Div", [centred, _root(builder, variance, epsilon, inside_root=inside_root)], output)


def _root(builder: OnnxBuilder, square: str, epsilon: float, *, inside_root: bool) -> str:
    """The square root, epsilon added before or after."""
    small = builder.constant(np.float32(epsilon), "epsilon")
    if inside_root:
        return builder.node("Sqrt", [builder.node("Add", [square, small])])
    return builder.node("Add", [builder.node("Sqrt", [square]), small])


def group_normalize(
    builder: OnnxBuilder,
    data: str,
    groups: int,
    scale: Array,
    bias: Array,
    *,
    epsilon: float,
    channels: int,
    spatial: Sequence[int],
    output: str | None = None,
) -> str:
    """Standardize each of `groups` groups of neighbouring channels, then scale and shift.

    Args:
        builder: receives the nodes.
        data: (batch, channels, spatial...).
        groups: number of groups G.
        scale: (G,) or (channels,); MXNet's GroupNorm up to 1.x has one value per group.
        bias: of the same shape.
        epsilon: added to the variance.
        channels: number of channels.
        spatial: sizes of the other axes.
        output: wanted name of the result.
    """
    grouped = builder.node("Reshape", [data, builder.integers([0, groups, -1], "grouped_shape")])
    one, zero = (
        builder.constant(np.ones(groups, np.float32), "ones"),
        builder.constant(np.zeros(groups, np.float32), "0"),
    )
    normal = builder.node("InstanceNormalization", [grouped, one, zero], epsilon=epsilon)
    restored = builder.node("Reshape", [normal, builder.integers([-1, channels, *spatial], "shape")])
    each = channels // scale.size
    factor, shift = np.repeat(scale.reshape(-1), each), np.repeat(bias.reshape(-1), each)
    return scale_and_shift(builder, restored, factor, shift, following=len(spatial), output=output, name="group_norm")
