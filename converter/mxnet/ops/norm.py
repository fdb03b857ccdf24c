"""Batch, instance, layer, group and L2 normalization, and local response normalization."""

from __future__ import annotations

import numpy as np

from ...normalization import batch_normalize, group_normalize, l2_normalize, respond_across_channels, standardize
from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import check_static


@operator(
    *("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU"),
    source="src/operator/nn/batch_norm.cc",
)
def batch_norm(call: OperatorCall) -> Value:
    """(x - moving_mean) / sqrt(moving_var + eps) * gamma + beta; gamma counts as 1 unless `fix_gamma` is False."""
    x, options = call.data, call.options
    axis = call.axis("axis", 1)
    channels = (x.shape[axis],)
    gamma, beta = call.weight(1, channels, init=1.0), call.weight(2, channels, init=0.0)
    mean, variance = call.weight(3, channels, init=0.0), call.weight(4, channels, init=1.0)
    options.has("use_global_stats")
    if options.boolean("fix_gamma", default=True):
        gamma = np.ones(channels, np.float32)
    made = batch_normalize(
        call.builder,
        x.tensor,
        scale=gamma,
        bias=beta,
        mean=mean,
        variance=variance,
        epsilon=options.number("eps", 1e-3),
        axis=axis,
        rank=x.rank,
        name=call.node.name,
    )
    return call.like(call.emit("Relu", [made]) if call.node.operator.endswith("ReLU") else made)


@operator("InstanceNorm", source="src/operator/instance_norm-inl.h")
def instance_norm(call: OperatorCall) -> Value:
    """Each channel of each sample standardized with its biased variance, times gamma plus beta."""
    if call.data.rank < 3:
        raise call.error(f"needs data with spatial axes, not of shape {call.data.shape}")
    channels = (call.data.shape[1],)
    scale, bias = call.parameter(1, channels, init=1.0), call.parameter(2, channels, init=0.0)
    epsilon = call.options.number("eps", 1e-3)
    return call.like(call.emit("InstanceNormalization", [call.data, scale, bias], epsilon=epsilon))


@operator("LayerNorm", source="src/operator/nn/layer_norm-inl.h")
def layer_norm(call: OperatorCall) -> Value:
    """Standardized over `axis`, times gamma plus beta."""
    axis = call.axis("axis", -1)
    size = (call.data.shape[axis],)
    epsilon = call.options.number("eps", 1e-5)
    normal = standardize(call.builder, call.data.tensor, [axis], epsilon=epsilon, inside_root=True)
    gamma, beta = call.parameter(1, size, init=1.0), call.parameter(2, size, init=0.0)
    factor, shift = (call.reshape(weight, (*size, *[1] * (call.data.rank - 1 - axis))) for weight in (gamma, beta))
    return call.like(call.emit("Add", [call.emit("Mul", [normal, factor]), shift]))


@operator("GroupNorm", source="src/operator/nn/group_norm-inl.h")
def group_norm(call: OperatorCall) -> Value:
    """Each group of channels standardized; gamma and beta have one value per group (1.6 to 1.9)."""
    x, groups = call.data, call.options.integer("num_groups", 1)
    if groups < 1 or x.rank < 3 or x.shape[1] % groups:
        raise call.error(f"data of shape {x.shape} does not divide into {groups} groups")
    scale, shift = call.weight(1, (groups,), init=1.0), call.weight(2, (groups,), init=0.0)
    check_static(x.shape[1:], "the normalized axes follow the batch")
    made = group_normalize(
        call.builder,
        x.tensor,
        groups,
        scale,
        shift,
        epsilon=call.options.number("eps", 1e-5),
        channels=x.shape[1],
        spatial=x.shape[2:],
    )
    return call.like(made)


@operator("L2Normalization", source="src/operator/l2_normalization-inl.h", outputs=("output", "norm"))
def l2_normalization(call: OperatorCall) -> Value:
    """X / sqrt(sum of x^2 + eps), over the sample (instance), axis 1 (channel) or the axes after it (spatial)."""
    rank = call.data.rank
    axes = {"instance": range(1, rank), "channel": range(1, 2), "spatial": range(2, rank)}
    mode = call.options.text("mode", tuple(axes), "instance")
    if mode != "instance" and rank < 3:
        raise call.error(f"mode {mode} needs data of at least 3 axes, not of shape {call.data.shape}")
    return call.like(l2_normalize(call.builder, call.data.tensor, axes[mode], call.options.number("eps", 1e-10)))


@operator("LRN", source="src/operator/nn/lrn.cc")
def local_response_normalization(call: OperatorCall) -> Value:
    """X / (knorm + alpha / nsize * sum of x^2 over nsize neighbouring channels)^beta."""
    options = call.options
    made = respond_across_channels(
        call.builder,
        call.data.tensor,
        size=options.integer("nsize"),
        alpha=options.number("alpha", 1e-4),
        beta=options.number("beta", 0.75),
        k=options.number("knorm", 2.0),
    )
    return call.like(made)
