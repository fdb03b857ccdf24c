"""BN, a name for two layers: SegNet's (2 blobs) and PSPNet's (4 blobs)."""

from __future__ import annotations

from ...normalization import batch_normalize, scale_and_shift, standardize
from ..call import Blob, LayerCall
from ..registry import layer

_SEGNET_FIELDS = ("bn_mode", "shift_filler")
_PSPNET_FIELDS = ("slope_filler", "bias_filler", "momentum", "eps", "frozen", "var_eps", "decay", "moving_average")
_SEGNET_EPSILON = 1e-9


@layer(
    "BN",
    params="bn_param",
    options=(*_SEGNET_FIELDS, *_PSPNET_FIELDS, "scale_filler", "axis", "icnet"),
    source="SegNet bn_layer.cpp (2 blobs: scale, shift); PSPNet bn_layer.cpp (4 blobs: slope, bias, mean, variance)",
)
def bn(call: LayerCall) -> Blob:
    """SegNet's: scale and shift (bn_mode LEARN: after normalizing by the batch). PSPNet's: batch normalization."""
    x = call.bottom()
    if x.rank < 2:
        raise call.error(f"needs at least two axes, but its bottom has shape {x.shape}")
    return _segnet(call, x) if _blobs(call) == 2 else _pspnet(call, x)


def _blobs(call: LayerCall) -> int:
    """How many blobs the layer has; without weights the fields tell."""
    count = call.blob_count()
    if count in (2, 4):
        return count
    if count is not None:
        raise call.error(f"has {count} blobs; SegNet's BN has 2 and PSPNet's has 4")
    segnet = any(call.params.has(name) for name in _SEGNET_FIELDS)
    pspnet = any(call.params.has(name) for name in _PSPNET_FIELDS)
    if segnet == pspnet:
        raise call.unsupported(
            "BN means SegNet's or PSPNet's layer; add bn_mode (SegNet) or eps (PSPNet) to its bn_param, or give weights"
        )
    return 2 if segnet else 4


def _segnet(call: LayerCall, x: Blob) -> Blob:
    channels = x.shape[1]
    data = x.tensor
    if call.params.enum("bn_mode", ("LEARN", "INFERENCE"), "LEARN") == "LEARN":
        call.note("normalizes by the mean and variance of the batch at hand, as bn_mode: LEARN asks for")
        axes = [axis for axis in range(x.rank) if axis != 1]
        data = standardize(call.builder, data, axes, epsilon=_SEGNET_EPSILON, inside_root=True)
    scale, shift = call.weight(0, (channels,), init=1.0), call.weight(1, (channels,), init=0.0)
    return call.like(scale_and_shift(call.builder, data, scale, shift, following=x.rank - 2, name=call.layer.name))


def _pspnet(call: LayerCall, x: Blob) -> Blob:
    axis = call.params.integer("axis", 1)
    if axis not in (1, 2) or axis >= x.rank:
        raise call.error(f"axis {axis} must be 1 or 2 and an axis of its bottom of shape {x.shape}")
    if not call.params.boolean("moving_average", default=True):
        raise call.unsupported("moving_average: false normalizes by the batch; set it to true, or use BatchNorm")
    channels = (x.shape[axis],)
    older = call.params.has("decay") or call.params.has("moving_average")
    epsilon = call.params.number("eps" if call.params.has("eps") else "var_eps", 1e-10 if older else 1e-5)
    y = batch_normalize(
        call.builder,
        x.tensor,
        scale=call.weight(0, channels, init=1.0),
        bias=call.weight(1, channels, init=0.0),
        mean=call.weight(2, channels, init=0.0),
        variance=call.weight(3, channels, init=1.0),
        epsilon=epsilon,
        axis=axis,
        rank=x.rank,
        name=call.layer.name,
    )
    return call.like(y)
