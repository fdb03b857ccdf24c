"""Convolution, Deconvolution and Im2col."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..call import Blob, LayerCall, Shape
from ..registry import layer
from .geometry import Geometry, read_geometry

_OPTIONS = (
    *("num_output", "bias_term", "kernel_size", "kernel_h", "kernel_w", "stride", "stride_h", "stride_w"),
    *("pad", "pad_h", "pad_w", "pad_l", "pad_r", "pad_t", "pad_b", "dilation", "group", "axis"),
)

_MAX_ONE_HOT = 2**24
"""Values of Im2col's filters."""


@layer("Convolution", params="convolution_param", options=_OPTIONS, source="BVLC base_conv_layer.cpp, conv_layer.cpp")
def convolution(call: LayerCall) -> list[Blob]:
    """Cross-correlation over any number of spatial axes; every bottom gives one top, with the same weights."""
    return [_convolve(call, bottom) for bottom in call.bottoms]


@layer(
    "ConvolutionDepthwise",
    "DepthwiseConvolution",
    params="convolution_param",
    options=_OPTIONS,
    source="ShuffleNet conv_dw_layer.cu, MobileNet depthwise_conv_layer.cpp",
)
def depthwise_convolution(call: LayerCall) -> list[Blob]:
    """A convolution of every channel by itself; weights (num_output, 1, kernel...)."""
    return [_convolve(call, bottom, depthwise=True) for bottom in call.bottoms]


@layer("Deconvolution", params="convolution_param", options=_OPTIONS, source="BVLC deconv_layer.cpp")
def deconvolution(call: LayerCall) -> list[Blob]:
    """The transpose of a convolution; weights (channels, num_output / group, kernel...)."""
    return [_convolve(call, bottom, transposed=True) for bottom in call.bottoms]


@layer("Im2col", params="convolution_param", options=_OPTIONS, source="BVLC im2col_layer.cpp")
def im2col(call: LayerCall) -> Blob:
    """Every window's cells as channels, in the order (channel, kernel...): a convolution with one-hot filters."""
    axis, channels, spatial = _split_shape(call, call.bottom())
    geometry = read_geometry(call, len(spatial))
    cells = math.prod(geometry.kernel)
    if channels * cells * cells > _MAX_ONE_HOT:
        raise call.unsupported(f"{channels} channels and kernel {geometry.kernel} need too large a one-hot filter")
    filters = np.eye(cells, dtype=np.float32).reshape(cells, 1, *geometry.kernel)
    weight = call.constant(np.tile(filters, (channels, *[1] * (len(spatial) + 1))))
    sizes = _output_sizes(call, spatial, geometry)
    shape = (*call.bottom().shape[:axis], channels * cells, *sizes)
    return _emit(call, call.bottom(), "Conv", [weight], shape=shape, geometry=geometry, group=channels)


def _convolve(call: LayerCall, bottom: Blob, *, transposed: bool = False, depthwise: bool = False) -> Blob:
    axis, channels, spatial = _split_shape(call, bottom)
    geometry = read_geometry(call, len(spatial))
    filters, group = call.params.integer("num_output"), call.params.integer("group", channels if depthwise else 1)
    if filters < 1 or group < 1 or channels % group or filters % group:
        raise call.error(f"num_output {filters} and {channels} channels do not divide into {group} groups")
    rows, columns = (channels, filters) if transposed else (filters, channels)
    weights = [call.parameter(0, (rows, columns // group, *geometry.kernel))]
    if call.params.boolean("bias_term", default=True):
        weights.append(call.parameter(1, (filters,), init=0.0))
    sizes = _transposed_sizes(call, spatial, geometry) if transposed else _output_sizes(call, spatial, geometry)
    operator = "ConvTranspose" if transposed else "Conv"
    shape = (*bottom.shape[:axis], filters, *sizes)
    return _emit(call, bottom, operator, weights, shape=shape, geometry=geometry, group=group)


def _split_shape(call: LayerCall, bottom: Blob) -> tuple[int, int, Shape]:
    """The channel axis, the number of channels and the spatial sizes."""
    axis = call.axis("axis", 1, bottom.rank)
    spatial = bottom.shape[axis + 1 :]
    if not 1 <= len(spatial) <= 3:
        raise call.unsupported(f"{len(spatial)} spatial axes; onnxruntime convolves over 1, 2 or 3: reshape its bottom")
    return axis, bottom.shape[axis], spatial


def _output_sizes(call: LayerCall, spatial: Sequence[int], geometry: Geometry) -> Shape:
    spans = zip(spatial, geometry.begin, geometry.end, geometry.extent, geometry.stride, strict=True)
    sizes = tuple((size + begin + end - extent) // stride + 1 for size, begin, end, extent, stride in spans)
    if min(sizes) < 1:
        raise call.error(f"kernel {geometry.kernel} is larger than its padded bottom {tuple(spatial)}")
    return sizes


def _transposed_sizes(call: LayerCall, spatial: Sequence[int], geometry: Geometry) -> Shape:
    spans = zip(spatial, geometry.begin, geometry.end, geometry.extent, geometry.stride, strict=True)
    sizes = tuple(stride * (size - 1) + extent - begin - end for size, begin, end, extent, stride in spans)
    if min(sizes) < 1:
        raise call.error(f"pad {geometry.begin} leaves nothing of its top")
    return sizes


def _emit(
    call: LayerCall, bottom: Blob, operator: str, weights: list[str], *, shape: Shape, geometry: Geometry, group: int
) -> Blob:
    """The node; axes before the channels other than one are merged into one for it, as Caffe does."""
    axis = bottom.rank - len(geometry.kernel) - 1
    x = bottom.tensor
    if axis != 1:
        merged = math.prod(bottom.shape[:axis])
        x = call.reshape(x, (merged, *bottom.shape[axis:]), batch=0 if bottom.batch is not None else None)
    y = call.node(
        operator,
        [x, *weights],
        name=call.layer.name,
        kernel_shape=geometry.kernel,
        strides=geometry.stride,
        pads=geometry.pads,
        dilations=geometry.dilation,
        group=group,
    )
    return Blob(y if axis == 1 else call.reshape(y, shape), shape, bottom.batch, bottom.symbol)
