"""ReLU."""

from __future__ import annotations

from ..call import Blob, LayerCall
from ..registry import layer


@layer("ReLU", params="relu_param", options=("negative_slope",), source="BVLC relu_layer.cpp")
def relu(call: LayerCall) -> Blob:
    """max(x, 0) + negative_slope * min(x, 0)."""
    slope = call.params.number("negative_slope", 0.0)
    x = call.bottom()
    if slope == 0:
        return call.like(call.node("Relu", [x.tensor]))
    return call.like(call.node("LeakyRelu", [x.tensor], alpha=slope))
