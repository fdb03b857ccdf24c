"""Operators that do nothing when the network runs forward, and changes of type."""

from __future__ import annotations

from collections.abc import Sequence

from ..call import OperatorCall, Value
from ..registry import operator


@operator(
    *("_copy", "BlockGrad", "make_loss", "MakeLoss", "IdentityAttachKLSparseReg", "_identity_with_attr_like_rhs"),
    *("_contrib_gradientmultiplier", "_CrossDeviceCopy", "cast_storage", "_copyto"),
    source="src/operator/tensor/elemwise_unary_op_basic.cc",
    unread=(1,),
)
def identity(call: OperatorCall) -> Value:
    """The input itself; what they do concerns gradients and devices."""
    call.options.has("scalar")
    call.options.has("stype")
    return call.data


@operator("Dropout", source="src/operator/nn/dropout-inl.h")
def dropout(call: OperatorCall) -> Value:
    """The input itself, as always in inference; `mode: always` with p > 0 keeps dropping and is refused."""
    if call.options.text("mode", ("training", "always"), "training") == "always" and call.options.number("p", 0.5):
        raise call.unsupported("mode is 'always': its output is random even in inference; set mode to 'training'")
    call.options.has("axes")
    return call.data


@operator("Cast", "amp_cast", source="src/operator/tensor/elemwise_unary_op.h")
def cast(call: OperatorCall) -> Value:
    """The type changed; half and double precision are computed in float32."""
    dtype = call.options.dtype("dtype")
    if dtype in ("float16", "bfloat16", "float64"):
        dtype = "float32"
    if dtype == call.data.dtype:
        return call.data
    return call.value(call.cast(call.data, dtype), call.data.shape, dtype)


@operator("amp_multicast", source="src/operator/tensor/amp_cast.h")
def amp_multicast(call: OperatorCall) -> Sequence[Value]:
    """The inputs themselves: all floating-point types are computed in float32."""
    call.options.has("num_outputs")
    call.options.has("cast_narrow")
    return call.values()
