import numpy as np
import pytest
from planish.errors import UnsupportedError

LAYERS = {
    "Convolution": "convolution_param { num_output: 2 kernel_size: 1 bias_term: false %s }",
    "InnerProduct": "inner_product_param { num_output: 2 bias_term: false %s }",
    "Pooling": "pooling_param { pool: AVE kernel_size: 3 stride: 2 %s }",
    "ReLU": "relu_param { %s }",
    "Eltwise": "eltwise_param { operation: SUM %s }",
    "Softmax": "softmax_param { %s }",
    "LRN": "lrn_param { %s }",
    "BatchNorm": "batch_norm_param { %s }",
    "ArgMax": "argmax_param { %s }",
    "Dropout": "dropout_param { %s }",
}
WEIGHTS = {
    "Convolution": [np.ones((2, 3, 1, 1))],
    "InnerProduct": [np.ones((2, 105))],
    "BatchNorm": [np.ones(3), np.ones(3), np.ones(1)],
}


def net(kind, fields):
    second = 'bottom: "x"' if kind == "Eltwise" else ""
    return (
        'input: "x" input_shape { dim: 2 dim: 3 dim: 5 dim: 7 }\n'
        f'layer {{ name: "l" type: "{kind}" bottom: "x" {second} top: "y" {LAYERS[kind] % fields} }}'
    )


@pytest.mark.parametrize(
    ("kind", "field", "neutral", "value"),
    [
        ("Convolution", "pad_type", "0", "1"),
        ("Convolution", "relu", "false", "true"),
        ("Convolution", "saturate", "None", "Signed"),
        ("InnerProduct", "output_scale", "1.0", "0.25"),
        ("Pooling", "pad_type", "0", "1"),
        ("Pooling", "output_shift_instead_division", "0", "4"),
        ("ReLU", "relu6", "false", "true"),
        ("ReLU", "maximum", "0", "6"),
        ("Eltwise", "saturate", "0", "Unsigned_8bit"),
        ("Softmax", "input_scale", "1", "2"),
        ("LRN", "output_scale", "1e0", "{ }"),
        ("BatchNorm", "relu", "f", "1"),
        ("ArgMax", "min_first", "False", "True"),
        ("Dropout", "sample_weights_test", "false", "true"),
    ],
)
def test_what_changes_the_result_is_refused(convert_net, kind, field, neutral, value):
    blobs = {"l": WEIGHTS[kind]} if kind in WEIGHTS else None
    convert_net(net(kind, f"{field}: {neutral}"), blobs)
    with pytest.raises(UnsupportedError, match=rf"layer 'l' \({kind}\): \w+_param has {field}, with which a fork"):
        convert_net(net(kind, f"{field}: {value}"), blobs)
