"""Fields that forks added to BVLC's own parameters and that change what the layer computes.

Most unknown fields steer training or an engine and are ignored with a note. These would make the result silently wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .call import LayerCall
from .message import Message, Scalar

_FIXED_POINT = {"input_scale": 1, "output_scale": 1, "saturate": 0}

_NEUTRAL: dict[str, dict[str, int]] = {
    "argmax_param": {"min_first": 0},
    "batch_norm_param": {"icnet": 0, "relu": 0},
    "convolution_param": {**_FIXED_POINT, "pad_type": 0, "relu": 0},
    "dropout_param": {"sample_weights_test": 0},
    "eltwise_param": _FIXED_POINT,
    "inner_product_param": _FIXED_POINT,
    "lrn_param": _FIXED_POINT,
    "pooling_param": {**_FIXED_POINT, "pad_type": 0, "output_shift_instead_division": 0},
    "recurrent_param": {"forget_bias": 0, "tf_rnn": 0},
    "relu_param": {**_FIXED_POINT, "relu6": 0, "maximum": 0, "minimum": 0},
    "softmax_param": _FIXED_POINT,
}
"""The value that leaves the layer as BVLC's, by parameter message and field (caffe.proto of Synopsys and of Intel)."""

_NAMED = {"false": 0.0, "False": 0.0, "f": 0.0, "None": 0.0}


def refuse_changes(call: LayerCall, message: str, unknown: Sequence[str]) -> None:
    """Refuse the layer if one of the fields that its handler does not know changes the result.

    Args:
        call: the layer.
        message: its parameter message, say 'pooling_param'.
        unknown: fields of that message.

    Raises:
        UnsupportedLayer: a field is among those of the forks, and its value is not the one without effect.
    """
    neutral = _NEUTRAL.get(message, {})
    changed = [name for name in unknown if name in neutral and _number(call.params.fields[name][-1]) != neutral[name]]
    if changed:
        raise call.unsupported(
            f"{message} has {' and '.join(changed)}, with which a fork computes something else; say the same with "
            "further layers, or remove what the network was trained without"
        )


def _number(value: Scalar | Message) -> float:
    text = value.text if isinstance(value, Scalar) else ""
    try:
        return _NAMED[text] if text in _NAMED else float(text)
    except ValueError:
        return math.nan
