"""A binary NetParameter as a message by field name.

The field numbers are those of BVLC's caffe.proto and, where the layer type settles it, of the SSD branch. Numbers above
144 mean different things in different forks, so a fork's layer whose parameters stand there is refused rather than read
with its parameters missing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias

from ... import wire
from .message import Message, Scalar

MAX_VALUES = 1_000_000
"""Values in one net, as in the text format."""

_Schema: TypeAlias = Mapping[int, tuple[str, str]]


def _schema(text: str) -> _Schema:
    """'1 name s, 2 dim i' as {1: ('name', 's'), ...}; s string, i integer, f float, else a submessage's schema."""
    entries = (entry.split() for entry in text.split(","))
    return {int(number): (name, kind) for number, name, kind in entries}


_CONVOLUTION = (
    "1 num_output i, 2 bias_term i, 3 pad i, 4 kernel_size i, 5 group i, 6 stride i, 9 pad_h i, 10 pad_w i, "
    "11 kernel_h i, 12 kernel_w i, 13 stride_h i, 14 stride_w i, 16 axis i, 18 dilation i"
)
_POOLING = (
    "1 pool i, 2 kernel_size i, 3 stride i, 4 pad i, 5 kernel_h i, 6 kernel_w i, 7 stride_h i, 8 stride_w i, "
    "9 pad_h i, 10 pad_w i, 12 global_pooling i, 13 round_mode i"
)
_PRIOR_BOX = (
    "1 min_size f, 2 max_size f, 3 aspect_ratio f, 4 flip i, 5 clip i, 6 variance f, 7 img_size i, 8 img_h i, "
    "9 img_w i, 10 step f, 11 step_h f, 12 step_w f, 13 offset f"
)
_DETECTION_OUTPUT = (
    "1 num_classes i, 2 share_location i, 3 background_label_id i, 4 nms_param nms, 6 code_type i, 7 keep_top_k i, "
    "8 variance_encoded_in_target i, 9 confidence_threshold f"
)
_SCHEMAS: Mapping[str, _Schema] = {
    name: _schema(text)
    for name, text in {
        "net": "1 name s, 2 layers v1, 3 input s, 4 input_dim i, 6 state state, 8 input_shape shape, 100 layer layer",
        "state": "1 phase i, 2 level i, 3 stage s",
        "rule": "1 phase i, 2 min_level i, 3 max_level i, 4 stage s, 5 not_stage s",
        "shape": "1 dim i",
        "spec": "1 name s, 2 share_mode i",
        "filler": "1 type s, 2 value f",
        "nms": "1 nms_threshold f, 2 top_k i, 3 eta f",
        "transform_param": "1 scale f, 2 mirror i, 3 crop_size i, 4 mean_file s, 5 mean_value f",
        "loss_param": "1 ignore_label i, 2 normalize i, 3 normalization i",
        "accuracy_param": "1 top_k i, 2 axis i, 3 ignore_label i",
        "argmax_param": "1 out_max_val i, 2 top_k i, 3 axis i",
        "concat_param": "1 concat_dim i, 2 axis i",
        "convolution_param": _CONVOLUTION,
        "data_param": "2 scale f, 3 mean_file s, 4 batch_size i, 5 crop_size i, 6 mirror i",
        "dropout_param": "1 dropout_ratio f",
        "dummy_data_param": "1 data_filler filler, 2 num i, 3 channels i, 4 height i, 5 width i, 6 shape shape",
        "eltwise_param": "1 operation i, 2 coeff f, 3 stable_prod_grad i",
        "exp_param": "1 base f, 2 scale f, 3 shift f",
        "inner_product_param": "1 num_output i, 2 bias_term i, 5 axis i, 6 transpose i",
        "lrn_param": "1 local_size i, 2 alpha f, 3 beta f, 4 norm_region i, 5 k f",
        "memory_data_param": "1 batch_size i, 2 channels i, 3 height i, 4 width i",
        "mvn_param": "1 normalize_variance i, 2 across_channels i, 3 eps f",
        "pooling_param": _POOLING,
        "power_param": "1 power f, 2 scale f, 3 shift f",
        "relu_param": "1 negative_slope f",
        "softmax_param": "2 axis i",
        "slice_param": "1 slice_dim i, 2 slice_point i, 3 axis i",
        "threshold_param": "1 threshold f",
        "prelu_param": "2 channel_shared i",
        "spp_param": "1 pyramid_height i, 2 pool i",
        "reshape_param": "1 shape shape, 2 axis i, 3 num_axes i",
        "log_param": "1 base f, 2 scale f, 3 shift f",
        "flatten_param": "1 axis i, 2 end_axis i",
        "reduction_param": "1 operation i, 2 axis i, 3 coeff f",
        "embed_param": "1 num_output i, 2 input_dim i, 3 bias_term i",
        "tile_param": "1 axis i, 2 tiles i",
        "batch_norm_param": "1 use_global_stats i, 2 moving_average_fraction f, 3 eps f",
        "elu_param": "1 alpha f",
        "bias_param": "1 axis i, 2 num_axes i",
        "scale_param": "1 axis i, 2 num_axes i, 4 bias_term i",
        "input_param": "1 shape shape",
        "crop_param": "1 axis i, 2 offset i",
        "parameter_param": "1 shape shape",
        "recurrent_param": "1 num_output i, 4 debug_info i, 5 expose_hidden i",
        "swish_param": "1 beta f",
        "clip_param": "1 min f, 2 max f",
        "norm_param": "1 across_spatial i, 3 channel_shared i, 4 eps f",
        "permute_param": "1 order i",
        "prior_box_param": _PRIOR_BOX,
        "detection_output_param": _DETECTION_OUTPUT,
        "v0": (
            "1 name s, 2 type s, 3 num_output i, 4 biasterm i, 7 pad i, 8 kernelsize i, 9 group i, 10 stride i, "
            "11 pool i, 12 dropout_ratio f, 13 local_size i, 14 alpha f, 15 beta f, 17 scale f, 18 meanfile s, "
            "20 cropsize i, 22 k f, 65 concat_dim i"
        ),
    }.items()
}

_HEAD = "1 name s, 2 type s, 3 bottom s, 4 top s, 6 param spec, 8 include rule, 9 exclude rule"
_PARAMS = (
    (100, "transform"), (101, "loss"), (102, "accuracy"), (103, "argmax"), (104, "concat"), (106, "convolution"),
    (107, "data"), (108, "dropout"), (109, "dummy_data"), (110, "eltwise"), (111, "exp"), (117, "inner_product"),
    (118, "lrn"), (119, "memory_data"), (120, "mvn"), (121, "pooling"), (122, "power"), (123, "relu"),
    (125, "softmax"), (126, "slice"), (128, "threshold"), (131, "prelu"), (132, "spp"), (133, "reshape"),
    (134, "log"), (135, "flatten"), (136, "reduction"), (137, "embed"), (138, "tile"), (139, "batch_norm"),
    (140, "elu"), (141, "bias"), (142, "scale"), (143, "input"), (144, "crop"),
)  # fmt: skip
_LAYER: _Schema = {**_schema(_HEAD), **{number: (f"{name}_param", f"{name}_param") for number, name in _PARAMS}}
_V1_HEAD = "1 layer v0, 2 bottom s, 3 top s, 4 name s, 5 type i, 32 include rule, 33 exclude rule, 1001 param s"
_V1_PARAMS = (
    (9, "concat"), (10, "convolution"), (11, "data"), (12, "dropout"), (17, "inner_product"), (18, "lrn"),
    (19, "pooling"), (21, "power"), (22, "memory_data"), (23, "argmax"), (24, "eltwise"), (25, "threshold"),
    (26, "dummy_data"), (27, "accuracy"), (30, "relu"), (31, "slice"), (34, "mvn"), (36, "transform"),
    (39, "softmax"), (41, "exp"), (42, "loss"),
)  # fmt: skip
_V1: _Schema = {**_schema(_V1_HEAD), **{number: (f"{name}_param", f"{name}_param") for number, name in _V1_PARAMS}}
_BY_TYPE = {
    "Parameter": (145, "parameter_param"),
    "RNN": (146, "recurrent_param"),
    "LSTM": (146, "recurrent_param"),
    "Swish": (147, "swish_param"),
    "Clip": (148, "clip_param"),
    "Permute": (202, "permute_param"),
    "PriorBox": (203, "prior_box_param"),
    "DetectionOutput": (204, "detection_output_param"),
    "Normalize": (206, "norm_param"),
}
"""Parameters above 144 that the layer's type vouches for."""


def parse_binary(view: memoryview, file: str) -> Message:
    """The net in `view`, weights left out.

    Raises:
        SourceError: a fork's layer keeps its parameters where forks contradict each other.
        ValueError: the bytes are no NetParameter.
    """
    return _Decoder(view, file).message("net", 0, len(view))


class _Decoder:
    def __init__(self, view: memoryview, file: str) -> None:
        self._view = view
        self._file = file
        self._values = 0

    def message(self, schema: str, start: int, end: int) -> Message:
        message = Message(self._file)
        known = _LAYER if schema == "layer" else _V1 if schema == "v1" else _SCHEMAS[schema]
        unread: dict[int, tuple[int, int]] = {}
        for number, begin, first, last in wire.fields(self._view, start, end):
            name, kind = known.get(number, ("", ""))
            if name:
                self._add(message, name, kind, (begin, first, last))
            elif schema == "layer" and number >= 140:
                unread[number] = (first, last)
        if unread:
            self._by_type(message, unread)
        return message

    def _add(self, message: Message, name: str, kind: str, place: tuple[int, int, int]) -> None:
        begin, first, last = place
        wire_type = self._view[begin] & 7
        self._values += 1
        if self._values > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values")
        if kind == "s":
            message.add(name, Scalar(bytes(self._view[first:last]).decode("utf-8"), 0, quoted=True))
        elif kind not in ("i", "f"):
            message.add(name, self.message(kind, first, last))
        elif wire_type == wire.BYTES:  # packed
            while first < last:
                text, first = self._number(kind, first, last)
                self._values += 1
                message.add(name, Scalar(text, 0))
        else:
            message.add(name, Scalar(self._number(kind, first, last)[0], 0))

    def _number(self, kind: str, first: int, last: int) -> tuple[str, int]:
        if kind == "f":
            if last - first < 4:
                raise ValueError(f"a float at byte {first} is cut off")
            return repr(struct.unpack_from("<f", self._view, first)[0]), first + 4
        value, end = wire.read_varint(self._view, first, last)
        return str(value - 2**64 if value >= 2**63 else value), end

    def _by_type(self, layer: Message, unread: Mapping[int, tuple[int, int]]) -> None:
        kind = layer.string("type")
        number, name = _BY_TYPE.get(kind, (0, ""))
        if number in unread and len(unread) == 1:
            layer.add(name, self.message(name, *unread[number]))
            return
        from .registry import find_layer_type  # noqa: PLC0415 - the registry's handlers import this package

        known = find_layer_type(kind)
        if known is None or known.params:
            raise layer.error(
                f"layer '{layer.string('name')}' ({kind}): its parameters stand in field {min(unread)}, which means "
                "different things in different forks; give the net as text"
            )
