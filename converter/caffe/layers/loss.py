"""Losses and Accuracy, for nets that declare their labels as inputs; others lose these layers with their labels."""

from __future__ import annotations

import math

from onnx import TensorProto

from ..call import Blob, LayerCall
from ..registry import layer

_NORMALIZATIONS = ("FULL", "VALID", "BATCH_SIZE", "NONE")


@layer(
    "SoftmaxWithLoss",
    "SoftmaxLoss",
    params="loss_param",
    options=("ignore_label", "normalization", "normalize"),
    source="BVLC softmax_loss_layer.cpp",
)
def softmax_with_loss(call: LayerCall) -> list[Blob]:
    """The negative log-likelihood of the labels, normalized; a second top is the softmax."""
    x, labels = call.bottom(0), call.bottom(1)
    softmax = call.layer.message.message("softmax_param").integer("axis", 1)
    if not -x.rank <= softmax < x.rank:
        raise call.error(f"softmax_param axis {softmax} is none of its bottom's {x.rank}")
    axis = softmax % x.rank
    inner = math.prod(x.shape[axis + 1 :])
    if math.prod(labels.shape) != math.prod(x.shape[:axis]) * inner:
        raise call.error(f"labels of shape {labels.shape} do not fit scores of shape {x.shape} along axis {axis}")
    logarithm = call.node("LogSoftmax", [x.tensor], axis=axis)
    rows = call.node("Reshape", [logarithm, call.integers([-1, x.shape[axis], inner])])
    target = call.node(
        "Cast", [call.node("Reshape", [labels.tensor, call.integers([-1, inner])])], to=TensorProto.INT64
    )
    ignored = call.params.integer("ignore_label") if call.params.has("ignore_label") else None
    total = call.node("NegativeLogLikelihoodLoss", [rows, target], reduction="sum", ignore_index=ignored)
    loss = call.top(call.node("Div", [total, _normalizer(call, target, ignored)]), (), batch=None)
    if len(call.layer.tops) < 2:
        return [loss]
    return [loss, call.like(call.node("Softmax", [x.tensor], axis=axis))]


def _normalizer(call: LayerCall, target: str, ignored: int | None) -> str:
    """What the sum over (outer, inner) labels is divided by, at least 1."""
    default = "VALID"
    if call.params.has("normalize") and not call.params.boolean("normalize"):
        default = "BATCH_SIZE"
    kind = call.params.enum("normalization", _NORMALIZATIONS, default)
    if kind == "NONE":
        return call.constant(1.0)
    if kind == "BATCH_SIZE":
        first = [call.integers([value]) for value in (0, 1)]
        outer = call.node("Slice", [call.node("Shape", [target]), *first])
        return call.node("Cast", [call.node("Squeeze", [outer])], to=TensorProto.FLOAT)
    if kind == "FULL" or ignored is None:
        return call.node("Cast", [call.node("Size", [target])], to=TensorProto.FLOAT)
    valid = call.node("Not", [call.node("Equal", [target, call.integers(ignored)])])
    count = call.reduce("ReduceSum", call.node("Cast", [valid], to=TensorProto.FLOAT), (0, 1), keepdims=0)
    return call.node("Max", [count, call.constant(1.0)])


@layer("EuclideanLoss", source="BVLC euclidean_loss_layer.cpp")
def euclidean_loss(call: LayerCall) -> Blob:
    """Half of sum (a - b)^2 / N over two bottoms with N samples."""
    a, b = call.bottom(0), call.bottom(1)
    if a.shape != b.shape:
        raise call.error(f"bottoms of shapes {a.shape} and {b.shape} differ")
    difference = call.node("Sub", [a.tensor, b.tensor])
    total = call.reduce("ReduceSumSquare", difference, range(a.rank), keepdims=0)
    first = [call.integers([value]) for value in (0, 1)]
    samples = call.node("Squeeze", [call.node("Slice", [call.node("Shape", [a.tensor]), *first])])
    twice = call.node("Mul", [call.node("Cast", [samples], to=TensorProto.FLOAT), call.constant(2.0)])
    return call.top(call.node("Div", [total, twice]), (), batch=None)


@layer("Accuracy", params="accuracy_param", options=("top_k", "axis", "ignore_label"), source="BVLC accuracy_layer.cpp")
def accuracy(call: LayerCall) -> Blob:
    """The share of labels whose score fewer than top_k other classes reach."""
    x, labels = call.bottom(0), call.bottom(1)
    axis = call.axis("axis", 1)
    inner = math.prod(x.shape[axis + 1 :])
    if len(call.layer.tops) > 1:
        raise call.unsupported("its second top, the accuracy of each class, is not converted; remove that top")
    if math.prod(labels.shape) != math.prod(x.shape[:axis]) * inner:
        raise call.error(f"labels of shape {labels.shape} do not fit scores of shape {x.shape} along axis {axis}")
    rows = call.node("Reshape", [x.tensor, call.integers([-1, x.shape[axis], inner])])
    given = call.node("Reshape", [labels.tensor, call.integers([-1, 1, inner])])
    target = call.node("Cast", [given], to=TensorProto.INT64)
    ignored = call.integers(call.params.integer("ignore_label", -1))
    counted = call.node("Not", [call.node("Equal", [target, ignored])])
    inside = call.node("Where", [counted, target, call.integers(0)])
    score = call.node("GatherElements", [rows, inside], axis=1)
    reached = call.node("Cast", [call.node("GreaterOrEqual", [rows, score])], to=TensorProto.FLOAT)
    rank = call.reduce("ReduceSum", reached, (1,))
    right = call.node("LessOrEqual", [rank, call.constant(float(call.params.integer("top_k", 1)))])
    hits = call.node("Cast", [call.node("And", [right, counted])], to=TensorProto.FLOAT)
    share = [call.reduce("ReduceSum", hits, (0, 1, 2), keepdims=0)]
    share.append(call.reduce("ReduceSum", call.node("Cast", [counted], to=TensorProto.FLOAT), (0, 1, 2), keepdims=0))
    return call.top(call.node("Div", share), (), batch=None)
