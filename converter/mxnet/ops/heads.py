"""Output heads: a loss while training, in inference its prediction. Their labels are not read."""

from __future__ import annotations

from ..call import OperatorCall, Value
from ..registry import operator


@operator("SoftmaxOutput", source="src/operator/softmax_output-inl.h", unread=(1,))
def softmax_output(call: OperatorCall) -> Value:
    """Softmax over axis 1 with `multi_output`, else over the last axis.

    1.9.1 computes the last axis whether `preserve_shape` is set or not, though it documents the flattened sample.
    """
    multiple = call.options.boolean("multi_output", default=False)
    call.options.has("preserve_shape")
    return call.like(call.emit("Softmax", [call.data], axis=1 if multiple else call.data.rank - 1))


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
