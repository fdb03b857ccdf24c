"""Kernel, stride, pad and dilation as Caffe reads them."""

from __future__ import annotations

from dataclasses import dataclass

from ..call import LayerCall


@dataclass(frozen=True, slots=True)
class Geometry:
    """A sliding window, one number per spatial axis.

    Attributes:
        kernel: its size.
        stride: its step.
        begin: cells of padding before the data.
        end: cells of padding after the data.
        dilation: distance of its cells.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """Cells from the window's first to its last."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def pads(self) -> list[int]:
        """ONNX's order: all begins, then all ends."""
        return [*self.begin, *self.end]

    @property
    def symmetric(self) -> bool:
        """Whether both ends have the same padding."""
        return self.begin == self.end


def read_geometry(call: LayerCall, axes: int, *, kernel: tuple[int, ...] | None = None) -> Geometry:
    """The window of a layer, from fields such as kernel_size (one value for all axes, or one each), kernel_h, kernel_w.

    Source: BVLC base_conv_layer.cpp, pooling_layer.cpp. pad_l, pad_r, pad_t, pad_b: Synopsys' and Intel's forks.

    Args:
        call: the layer.
        axes: number of spatial axes.
        kernel: the window itself, where it is not given by fields.

    Raises:
        SourceError: the fields contradict each other, or are out of range.
    """
    kernel = kernel or _per_axis(call, "kernel_size", "kernel", axes, None)
    pad = _per_axis(call, "pad", "pad", axes, 0)
    begin, end = pad, pad
    if any(call.params.has(f"pad_{side}") for side in "lrtb"):
        if axes != 2:
            raise call.error("pad_l, pad_r, pad_t and pad_b are for two spatial axes")
        begin = (call.params.integer("pad_t", pad[0]), call.params.integer("pad_l", pad[1]))
        end = (call.params.integer("pad_b", pad[0]), call.params.integer("pad_r", pad[1]))
    stride = _per_axis(call, "stride", "stride", axes, 1)
    dilation = _per_axis(call, "dilation", "dilation", axes, 1)
    if min((*kernel, *stride, *dilation, 1)) < 1 or min((*begin, *end, 0)) < 0:
        raise call.error("kernel, stride and dilation must be positive, pad must not be negative")
    if max((*kernel, *stride, *dilation, *begin, *end, 0)) >= 2**31:
        raise call.error("kernel, stride, dilation and pad must fit into 32 bits")
    return Geometry(kernel, stride, begin, end, dilation)


def _per_axis(call: LayerCall, field: str, prefix: str, axes: int, default: int | None) -> tuple[int, ...]:
    separate = [f"{prefix}_h", f"{prefix}_w"]
    if any(call.params.has(name) for name in separate):
        if axes != 2:
            raise call.error(f"{separate[0]} and {separate[1]} are for two spatial axes, but its bottom has {axes}")
        if default is None and not all(call.params.has(name) for name in separate):
            raise call.error(f"{separate[0]} and {separate[1]} must both be given")
        return tuple(call.params.integer(name, default or 0) for name in separate)
    values = call.params.integers(field)
    if not values and default is None:
        raise call.error(f"{field} is missing")
    if len(values) not in (0, 1, axes):
        raise call.error(f"{field} is given {len(values)} times for {axes} spatial axes")
    return tuple(values) if len(values) == axes else tuple((values or [default or 0]) * axes)
