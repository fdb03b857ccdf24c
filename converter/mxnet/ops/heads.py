"""Output heads: a loss while training, in inference its prediction. Their labels are not read."""

from __future__ import annotations

from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import count


@operator("SoftmaxOutput", source="src/operator/softmax_output-inl.h", unread=(1,))
def softmax_output(call: OperatorCall) -> Value:
    """Softmax over axis 1 with `multi_output`, over the last axis with `preserve_shape`, else over the whole sample.

    Except that 1.9.1 computes data of four axes over the last one in every case (its oneDNN path, on by default).
    """
    x = call.data
    multiple = call.options.boolean("multi_output", default=False)
    if call.options.boolean("preserve_shape", default=False) or multiple or x.rank in (2, 4):
        return call.like(call.emit("Softmax", [x], axis=1 if multiple and x.rank > 1 else x.rank - 1))
    flat = call.reshape(x, (x.shape[0], count(x.shape[1:])))
    return call.like(call.reshape(call.emit("Softmax", [flat], axis=1), x.shape))


@operator("LogisticRegressionOutput", source="src/operator/regression_output-inl.h", unread=(1,))
def logistic_regression_output(call: OperatorCall) -> Value:
    """Sigmoid."""
    return call.like(call.emit("Sigmoid", [call.data]))


@operator("LinearRegressionOutput", "MAERegressionOutput", source="src/operator/regression_output-inl.h", unread=(1,))
def regression_output(call: OperatorCall) -> Value:
    """The input itself."""
    return call.data


@operator("SVMOutput", source="src/operator/svm_output-inl.h", unread=(1,))
def svm_output(call: OperatorCall) -> Value:
    """The input itself."""
    return call.data


@operator("CTCLoss", "_contrib_CTCLoss", "softmax_cross_entropy", "_contrib_MultiBoxTarget", source="src/operator/nn")
def training_loss(call: OperatorCall) -> Value:
    """Refused: computes a loss from labels."""
    raise call.unsupported("computes a training loss from labels; cut the network before it with --output")
