"""Scale and Bias."""

from __future__ import annotations

from ..call import Blob, LayerCall, Shape
from ..registry import layer


@layer("Scale", params="scale_param", options=("axis", "num_axes", "bias_term"), source="BVLC scale_layer.cpp")
def scale(call: LayerCall) -> Blob:
    """Multiplies by a parameter (or the second bottom) that lies along some axes, and with bias_term adds another."""
    factor, axis, shape = _operand(call, 1.0)
    y = call.node("Mul", [call.bottom().tensor, factor])
    if call.params.boolean("bias_term"):
        bias = call.parameter(1 if len(call.bottoms) == 1 else 0, _broadcast(call, axis, shape), init=0.0)
        y = call.node("Add", [y, bias])
    return call.like(y)


@layer("Bias", params="bias_param", options=("axis", "num_axes"), source="BVLC bias_layer.cpp")
def bias(call: LayerCall) -> Blob:
    """Adds a parameter (or the second bottom) that lies along some of its axes."""
    term, _, _ = _operand(call, 0.0)
    return call.like(call.node("Add", [call.bottom().tensor, term]))


def _operand(call: LayerCall, init: float) -> tuple[str, int, Shape]:
    """The tensor to combine with the first bottom, the axis where it begins, and its shape in Caffe."""
    x = call.bottom()
    if len(call.bottoms) > 1:
        call.same_batch()
        other = call.bottom(1)
        axis = call.axis("axis", 1) if other.rank else 0
        broadcast = _broadcast(call, axis, other.shape)
        batch = other.batch + axis if other.batch is not None else None
        return call.reshape(other, broadcast, batch=batch), axis, other.shape
    axis, count = call.axis("axis", 1), call.params.integer("num_axes", 1)
    if count < -1:
        raise call.error(f"num_axes {count} is below -1")
    shape = x.shape[axis:] if count == -1 else x.shape[axis : axis + count]
    if count > len(shape):
        raise call.error(f"axis {axis} and num_axes {count} reach beyond its bottom of shape {x.shape}")
    if x.batch is not None and axis <= x.batch < axis + len(shape):
        call.fix_batch("its parameter has one value per sample")
    return call.parameter(0, _broadcast(call, axis, shape), init=init), axis, shape


def _broadcast(call: LayerCall, axis: int, shape: Shape) -> Shape:
    """`shape` from `axis` of the first bottom on, as ONNX broadcasts it."""
    x = call.bottom()
    if x.shape[axis : axis + len(shape)] != shape:
        raise call.error(f"a bottom of shape {shape} does not fit one of shape {x.shape} from axis {axis} on")
    return (*shape, *[1] * (x.rank - axis - len(shape)))
