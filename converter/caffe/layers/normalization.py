"""BatchNorm, LRN and MVN."""

from __future__ import annotations

import numpy as np

from ...normalization import respond_across_channels, respond_within_channel, standardize
from ..call import Blob, LayerCall
from ..registry import layer

_MAX_LOCAL_SIZE = 4095


@layer(
    "BatchNorm",
    params="batch_norm_param",
    options=("use_global_stats", "moving_average_fraction", "eps", "add_eps_before_sqrt", "scale_bias"),
    source="BVLC batch_norm_layer.cpp; scale_bias: NVCaffe; add_eps_before_sqrt: Synopsys",
)
def batch_norm(call: LayerCall) -> Blob:
    """(x - mean / f) / sqrt(variance / f + eps), f being the third blob; with scale_bias, times blob 3 plus blob 4."""
    x = call.bottom()
    epsilon = call.params.number("eps", 1e-5)
    if not call.params.boolean("use_global_stats", default=True):
        return _normalized_by_batch(call, epsilon)
    channels = (x.shape[1] if x.rank > 1 else 1,)
    total = float(call.weight(2, (1,), init=1.0)[0])
    with np.errstate(all="ignore"):  # whatever the file holds, Caffe would compute with it
        factor = np.float32(0.0) if total == 0 else np.float32(1.0) / np.float32(total)
        mean, variance = (call.weight(index, channels, init=float(index)) * factor for index in (0, 1))
    if not call.params.boolean("add_eps_before_sqrt", default=True):
        variance, epsilon = (np.sqrt(variance) + np.float32(epsilon)) ** 2, 0.0
    affine = call.params.boolean("scale_bias") or (call.blob_count() or 0) >= 5
    scale = call.parameter(3, channels, init=1.0) if affine else call.constant(np.ones(channels))
    shift = call.parameter(4, channels, init=0.0) if affine else call.constant(np.zeros(channels))
    statistics = [scale, shift, call.constant(mean), call.constant(variance)]
    source = x.tensor if x.rank > 1 else call.reshape(x, (x.shape[0], 1))
    y = call.node("BatchNormalization", [source, *statistics], name=call.layer.name, epsilon=epsilon)
    return call.like(y if x.rank > 1 else call.reshape(y, x.shape))


def _normalized_by_batch(call: LayerCall, epsilon: float) -> Blob:
    """With use_global_stats: false the statistics are those of the batch at hand, in the TEST phase too."""
    x = call.bottom()
    axes = [axis for axis in range(x.rank) if axis != 1]
    centred = call.node("Sub", [x.tensor, call.reduce("ReduceMean", x.tensor, axes)])
    variance = call.reduce("ReduceMean", call.node("Mul", [centred, centred]), axes)
    deviation = call.node("Sqrt", [call.node("Add", [variance, call.constant(epsilon)])])
    return call.like(call.node("Div", [centred, deviation]))


@layer(
    "LRN",
    params="lrn_param",
    options=("local_size", "alpha", "beta", "norm_region", "k"),
    source="BVLC lrn_layer.cpp",
)
def lrn(call: LayerCall) -> Blob:
    """Divides by (k + alpha / n sum x^2)^beta over n channels, or, WITHIN_CHANNEL, (1 + alpha mean x^2)^beta."""
    x = call.bottom()
    size = call.params.integer("local_size", 5)
    alpha, beta = call.params.number("alpha", 1.0), call.params.number("beta", 0.75)
    if size < 1 or size % 2 == 0 or x.rank != 4:
        raise call.error(f"needs an odd local_size and a bottom of four axes, not {size} and {x.rank}")
    if size > _MAX_LOCAL_SIZE:
        raise call.unsupported(f"local_size {size} is beyond {_MAX_LOCAL_SIZE}, for which onnxruntime has no memory")
    if alpha <= 0 or beta <= 0:
        raise call.unsupported(f"ONNX has LRN for positive alpha and beta only, not {alpha} and {beta}")
    if call.params.enum("norm_region", ("ACROSS_CHANNELS", "WITHIN_CHANNEL"), "ACROSS_CHANNELS") == "ACROSS_CHANNELS":
        k = call.params.number("k", 1.0)
        return call.like(respond_across_channels(call.builder, x.tensor, size=size, alpha=alpha, beta=beta, k=k))
    sizes = x.shape[2:]
    return call.like(respond_within_channel(call.builder, x.tensor, sizes=sizes, size=size, alpha=alpha, beta=beta))


@layer(
    "MVN",
    params="mvn_param",
    options=("normalize_variance", "across_channels", "eps", "add_eps_before_sqrt"),
    source="BVLC mvn_layer.cpp; add_eps_before_sqrt: Synopsys",
)
def mvn(call: LayerCall) -> Blob:
    """(x - mean) / (deviation + eps) over each channel or, with across_channels, over each sample."""
    x = call.bottom()
    axes = list(range(1 if call.params.boolean("across_channels") else 2, x.rank))
    if not axes:  # a mean over one value: nothing is left
        return call.like(call.node("Sub", [x.tensor, x.tensor]))
    epsilon = call.params.number("eps", 1e-9) if call.params.boolean("normalize_variance", default=True) else None
    inside = call.params.boolean("add_eps_before_sqrt")
    return call.like(standardize(call.builder, x.tensor, axes, epsilon=epsilon, inside_root=inside))
