"""Convolution and Deconvolution in one to three spatial axes, and FullyConnected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import Shape, count

_LAYOUTS = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


@dataclass(frozen=True, slots=True)
class Geometry:
    """What convolutions have in common, per spatial axis.

    Attributes:
        kernel: sizes of the filter.
        stride: between applications.
        dilate: between the filter's cells.
        pad: on both sides.
        filters: number N of output channels.
        groups: number of groups.
    """

    kernel: Shape
    stride: Shape
    dilate: Shape
    pad: Shape
    filters: int
    groups: int

    @property
    def extent(self) -> Shape:
        """Cells that the dilated filter covers."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilate, strict=True))


def read_geometry(call: OperatorCall) -> Geometry:
    """The options of a convolution, checked."""
    options = call.options
    kernel = options.integers("kernel")
    axes = len(kernel)
    layout = options.text("layout", ("NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC"), _LAYOUTS.get(axes, "NCHW"))
    if axes not in _LAYOUTS or call.data.rank != axes + 2:
        raise call.error(f"its kernel {kernel} does not fit data of shape {call.data.shape}")
    if layout != _LAYOUTS[axes]:
        raise call.unsupported(f"layout {layout} runs on GPUs only; transpose the weights and set {_LAYOUTS[axes]}")
    stride, dilate = (options.integers(key, ()) or (1,) * axes for key in ("stride", "dilate"))
    pad = options.integers("pad", ()) or (0,) * axes
    filters, groups = options.integer("num_filter"), options.integer("num_group", 1)
    lengths = {len(stride), len(dilate), len(pad)}
    if lengths != {axes} or min(*kernel, *stride, *dilate, filters, groups) < 1 or min(pad) < 0:
        raise call.error(
            f"kernel {kernel}, stride {stride}, dilate {dilate}, pad {pad}, num_filter {filters} and num_group "
            f"{groups} do not fit together"
        )
    if filters % groups or call.data.shape[1] % groups:
        raise call.error(f"{call.data.shape[1]} channels and {filters} filters do not divide into {groups} groups")
    return Geometry(kernel, stride, dilate, pad, filters, groups)


def convolved_sizes(call: OperatorCall, geometry: Geometry) -> Shape:
    """Spatial sizes of a convolution's output."""
    rows = zip(call.data.shape[2:], geometry.extent, geometry.stride, geometry.pad, strict=True)
    sizes = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in rows)
    if min(sizes) < 1:
        raise call.error(f"its kernel {geometry.kernel} is larger than the data {call.data.shape} with its padding")
    return sizes


@operator("Convolution", "Convolution_v1", source="src/operator/nn/convolution.cc")
def convolution(call: OperatorCall) -> Value:
    """Convolution in one to three spatial axes; the bias is there unless `no_bias`."""
    x, geometry = call.data, read_geometry(call)
    sizes = convolved_sizes(call, geometry)
    weights = _weights(call, (geometry.filters, x.shape[1] // geometry.groups, *geometry.kernel), bias_default=True)
    made = call.emit(
        "Conv",
        [x, *weights],
        kernel_shape=geometry.kernel,
        strides=geometry.stride,
        dilations=geometry.dilate,
        pads=[*geometry.pad, *geometry.pad],
        group=geometry.groups,
    )
    return call.value(made, (x.shape[0], geometry.filters, *sizes))


@operator("Deconvolution", source="src/operator/nn/deconvolution-inl.h")
def deconvolution(call: OperatorCall) -> Value:
    """Transposed convolution; without bias unless `no_bias` is False; `target_shape` sets the pads."""
    x, geometry = call.data, read_geometry(call)
    pad, adjust = _deconvolution_pads(call, geometry)
    rows = zip(x.shape[2:], geometry.stride, geometry.extent, pad, adjust, strict=True)
    sizes = tuple((n - 1) * s + k - 2 * p + a for n, s, k, p, a in rows)
    if min(sizes) < 1:
        raise call.error(f"its pad {pad} leaves nothing of data {x.shape}")
    weights = _weights(call, (x.shape[1], geometry.filters // geometry.groups, *geometry.kernel), bias_default=False)
    # The adjustment takes from the far pad where that is enough: output_padding must stay below the stride.
    ends = [p - a for p, a in zip(pad, adjust, strict=True)]
    made = call.emit(
        "ConvTranspose",
        [x, *weights],
        kernel_shape=geometry.kernel,
        strides=geometry.stride,
        dilations=geometry.dilate,
        pads=[*pad, *(ends if min(ends) >= 0 else pad)],
        output_padding=None if min(ends) >= 0 else adjust,
        group=geometry.groups,
    )
    return call.value(made, (x.shape[0], geometry.filters, *sizes))


def _deconvolution_pads(call: OperatorCall, geometry: Geometry) -> tuple[Shape, Shape]:
    """Pads and adjustments (cells added at the end): as given, or what leads to `target_shape` (InferPad)."""
    axes = len(geometry.kernel)
    adjust = call.options.integers("adj", ()) or (0,) * axes
    target = call.options.integers("target_shape", ())
    if len(adjust) != axes or len(target) not in (0, axes):
        raise call.error(f"adj {adjust} and target_shape {target} do not have the kernel's {axes} axes")
    if not any(target):
        if any(a >= s for a, s in zip(adjust, geometry.stride, strict=True)):
            raise call.error(f"adj {adjust} is not smaller than the stride {geometry.stride}")
        return geometry.pad, adjust
    pads, adjusts = [], []
    for n, s, k, wanted in zip(call.data.shape[2:], geometry.stride, geometry.extent, target, strict=True):
        surplus = s * (n - 1) + k - wanted
        if surplus < 0:
            raise call.error(f"target_shape {target} is larger than what its data {call.data.shape} can give")
        pads.append((surplus + 1) // 2)
        adjusts.append(surplus % 2)
    return tuple(pads), tuple(adjusts)


@operator("FullyConnected", source="src/operator/nn/fully_connected-inl.h")
def fully_connected(call: OperatorCall) -> Value:
    """X W^T + b; axes after the first are flattened unless `flatten` is False."""
    x, units = call.data, call.options.integer("num_hidden")
    flatten = call.options.boolean("flatten", default=True)
    columns = count(x.shape[1:]) if flatten else x.shape[-1]
    weight, *bias = _weights(call, (units, columns), bias_default=True)
    if not flatten and x.rank != 2:
        product: Tensor = call.emit("MatMul", [x, _transposed(call, weight)])
        shape = (*x.shape[:-1], units)
        return call.value(call.emit("Add", [product, *bias]) if bias else str(product), shape)
    matrix: Tensor = x if x.rank == 2 else call.reshape(x, (x.shape[0], columns))
    return call.value(call.emit("Gemm", [matrix, weight, *bias], transB=1), (x.shape[0], units))


def _transposed(call: OperatorCall, weight: Tensor) -> str:
    """A matrix transposed; at once where it is a constant, which other tools then see as a weight."""
    name = weight if isinstance(weight, str) else weight.tensor
    array = call.builder.tensors.get(name)
    if array is None:
        return call.emit("Transpose", [weight], perm=[1, 0])
    return call.builder.constant(array.T, f"{name}_transposed")


def _weights(call: OperatorCall, shape: Sequence[int], *, bias_default: bool) -> list[Tensor]:
    """The weight, and the bias if there is one (one value per filter)."""
    weight = call.parameter(1, shape)
    if call.options.boolean("no_bias", default=not bias_default):
        return [weight]
    filters = call.options.integer("num_filter" if "num_filter" in call.node.options else "num_hidden")
    return [weight, call.parameter(2, (filters,), init=0.0)]
