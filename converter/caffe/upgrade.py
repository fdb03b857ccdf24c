"""Layers of Caffe's first two generations in today's words.

Source: BVLC upgrade_proto.cpp (UpgradeV0Net, UpgradeV0PaddingLayers, UpgradeV1Net) and the enum of V1LayerParameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .message import Message, Scalar

V1_TYPES: Mapping[int, tuple[str, str]] = {
    1: ("ACCURACY", "Accuracy"),
    2: ("BNLL", "BNLL"),
    3: ("CONCAT", "Concat"),
    4: ("CONVOLUTION", "Convolution"),
    5: ("DATA", "Data"),
    6: ("DROPOUT", "Dropout"),
    7: ("EUCLIDEAN_LOSS", "EuclideanLoss"),
    8: ("FLATTEN", "Flatten"),
    9: ("HDF5_DATA", "HDF5Data"),
    10: ("HDF5_OUTPUT", "HDF5Output"),
    11: ("IM2COL", "Im2col"),
    12: ("IMAGE_DATA", "ImageData"),
    13: ("INFOGAIN_LOSS", "InfogainLoss"),
    14: ("INNER_PRODUCT", "InnerProduct"),
    15: ("LRN", "LRN"),
    16: ("MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"),
    17: ("POOLING", "Pooling"),
    18: ("RELU", "ReLU"),
    19: ("SIGMOID", "Sigmoid"),
    20: ("SOFTMAX", "Softmax"),
    21: ("SOFTMAX_LOSS", "SoftmaxWithLoss"),
    22: ("SPLIT", "Split"),
    23: ("TANH", "TanH"),
    24: ("WINDOW_DATA", "WindowData"),
    25: ("ELTWISE", "Eltwise"),
    26: ("POWER", "Power"),
    27: ("SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"),
    28: ("HINGE_LOSS", "HingeLoss"),
    29: ("MEMORY_DATA", "MemoryData"),
    30: ("ARGMAX", "ArgMax"),
    31: ("THRESHOLD", "Threshold"),
    32: ("DUMMY_DATA", "DummyData"),
    33: ("SLICE", "Slice"),
    34: ("MVN", "MVN"),
    35: ("ABSVAL", "AbsVal"),
    36: ("SILENCE", "Silence"),
    37: ("CONTRASTIVE_LOSS", "ContrastiveLoss"),
    38: ("EXP", "Exp"),
    39: ("DECONVOLUTION", "Deconvolution"),
}
"""Name of the enum value and today's type, by number."""

_V0_PARAMS = {
    "conv": "convolution_param",
    "pool": "pooling_param",
    "innerproduct": "inner_product_param",
    "lrn": "lrn_param",
    "concat": "concat_param",
    "dropout": "dropout_param",
    "im2col": "convolution_param",
    "data": "transform_param",
    "images": "transform_param",
}
_V0_TYPES = {
    "conv": "Convolution",
    "pool": "Pooling",
    "innerproduct": "InnerProduct",
    "im2col": "Im2col",
    "data": "Data",
    "images": "ImageData",
    **{entry[0].lower(): entry[1] for entry in V1_TYPES.values()},
}
_V0_FIELDS = {
    "kernelsize": "kernel_size",
    "biasterm": "bias_term",
    "cropsize": "crop_size",
    "meanfile": "mean_file",
}


def upgrade_v1(layer: Message) -> Message:
    """A V1 layer as today's: its type by name, its shared parameters as messages."""
    upgraded = Message(layer.file, layer.line, dict(layer.fields))
    known = {str(number): name for number, (name, _) in V1_TYPES.items()}
    today = dict(V1_TYPES.values())
    written = layer.string("type")
    name = known.get(written, written)
    upgraded.fields["type"] = [Scalar(today.get(name, name), layer.line, quoted=True)]
    if layer.has("param"):
        names = [
            Message(layer.file, layer.line, {"name": [Scalar(text, layer.line)]}) for text in layer.strings("param")
        ]
        upgraded.fields["param"] = list(names)
    return upgraded


def upgrade_v0(layers: Sequence[Message]) -> list[Message]:
    """V0 layers as today's; padding layers become the pad of the convolution or pooling that follows.

    Raises:
        SourceError: a padding layer is followed by something else.
    """
    padding: dict[str, Message] = {}
    upgraded = []
    for connection in layers:
        inner = connection.message("layer")
        if inner.string("type") == "padding":
            for top in connection.strings("top"):
                padding[top] = connection
            continue
        upgraded.append(_upgrade_v0_layer(connection, inner, padding))
        for top in connection.strings("top"):
            padding.pop(top, None)
    return upgraded


def _upgrade_v0_layer(connection: Message, inner: Message, padding: Mapping[str, Message]) -> Message:
    kind = inner.string("type")
    params = Message(inner.file, inner.line)
    for name, values in inner.fields.items():
        if name not in ("name", "type", "blobs"):
            params.fields[_V0_FIELDS.get(name, name)] = values
    bottoms = connection.strings("bottom")
    if bottoms and bottoms[0] in padding:
        if kind not in ("conv", "pool") or len(bottoms) > 1:
            raise inner.error(f"layer '{inner.string('name')}' ({kind}): only conv and pool may follow a padding layer")
        source = padding[bottoms[0]]
        params.fields["pad"] = source.message("layer").fields.get("pad", [])
        bottoms = source.strings("bottom")
    line = connection.line
    fields: dict[str, list[Scalar | Message]] = {
        "name": [Scalar(inner.string("name"), line)],
        "type": [Scalar(_V0_TYPES.get(kind, kind), line)],
        "bottom": [Scalar(name, line) for name in bottoms],
        "top": [Scalar(name, line) for name in connection.strings("top")],
    }
    if kind in _V0_PARAMS:
        fields[_V0_PARAMS[kind]] = [params]
    return Message(connection.file, line, fields)
