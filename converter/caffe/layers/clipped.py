"""ReLU6, HardSigmoid and HardSwish."""

from __future__ import annotations

from ..call import Blob, LayerCall
from ..registry import layer


@layer("ReLU6", params="relu6_param", options=("negative_slope",), source="MobileNet-YOLO relu6_layer.cpp")
def relu6(call: LayerCall) -> Blob:
    """min(max(x, 0) + negative_slope min(x, 0), 6)."""
    x = call.bottom().tensor
    slope = call.params.number("negative_slope", 0.0)
    if slope:
        return call.like(call.node("Min", [call.node("LeakyRelu", [x], alpha=slope), call.constant(6.0)]))
    return call.like(call.node("Clip", [x, call.constant(0.0), call.constant(6.0)]))


@layer("HardSigmoid", params="hard_sigmoid_param", options=("alpha", "beta"), source="Synopsys hard_sigmoid_layer.cpp")
def hard_sigmoid(call: LayerCall) -> Blob:
    """Alpha x + beta, limited to 0..1."""
    alpha, beta = call.params.number("alpha", 0.2), call.params.number("beta", 0.5)
    return call.like(call.node("HardSigmoid", [call.bottom().tensor], alpha=alpha, beta=beta))


@layer("HardSwish", source="Synopsys hard_swish_layer.cpp")
def hard_swish(call: LayerCall) -> Blob:
    """Gives x min(max(x + 3, 0), 6) / 6."""
    x = call.bottom().tensor
    return call.like(call.node("Mul", [x, call.node("HardSigmoid", [x], alpha=1 / 6, beta=0.5)]))
