"""Parameter and DummyData: layers without bottoms whose values stand in the net."""

from __future__ import annotations

import math

import numpy as np

from ..call import Blob, LayerCall, Shape
from ..registry import layer

MAX_ELEMENTS = 2**24
"""Elements of one made-up blob; a few characters of text must not take more memory than this."""


@layer("Parameter", params="parameter_param", options=("shape",), source="BVLC parameter_layer.hpp")
def parameter(call: LayerCall) -> Blob:
    """Its weights."""
    shape = tuple(call.params.message("shape").integers("dim"))
    return call.top(call.parameter(0, shape), shape)


@layer(
    "DummyData",
    params="dummy_data_param",
    options=("shape", "data_filler", "num", "channels", "height", "width", "refill"),
    source="BVLC dummy_data_layer.cpp",
)
def dummy_data(call: LayerCall) -> list[Blob]:
    """Tops of constant values; random fillers are refused."""
    return [
        call.top(call.constant(np.full(_shape(call, index), _value(call, index), np.float32)), _shape(call, index))
        for index in range(len(call.layer.tops))
    ]


def _shape(call: LayerCall, index: int) -> Shape:
    shapes = [tuple(shape.integers("dim")) for shape in call.params.messages("shape")]
    legacy = [call.params.integers(name) for name in ("num", "channels", "height", "width")]
    shapes = shapes or [tuple(sizes) for sizes in zip(*legacy, strict=False)]
    if len(shapes) not in (1, len(call.layer.tops)):
        raise call.error(f"{len(shapes)} shapes for {len(call.layer.tops)} tops")
    shape = shapes[index if len(shapes) > 1 else 0]
    if min(shape, default=1) < 0 or math.prod(shape) > MAX_ELEMENTS:
        raise call.error(f"a top of shape {shape} has a negative size, or more than {MAX_ELEMENTS} values")
    return shape


def _value(call: LayerCall, index: int) -> float:
    fillers = call.params.messages("data_filler")
    if len(fillers) not in (0, 1, len(call.layer.tops)):
        raise call.error(f"{len(fillers)} fillers for {len(call.layer.tops)} tops")
    if not fillers:
        return 0.0
    filler = fillers[index if len(fillers) > 1 else 0]
    if filler.string("type", "constant") != "constant":
        raise call.unsupported(
            f"fills its top with random values ({filler.string('type')}), which is no function of the input; "
            "cut it off with --input and feed the values"
        )
    return filler.number("value", 0.0)
