"""MobileNet: every depthwise convolution has as many groups as filters, and the strides are the paper's."""

import re

from planish.models.architectures.mobilenet import mobilenet


def test_depthwise_convolutions():
    text = mobilenet("n")
    found = re.findall(r'name: "conv(\w+)/dw" type: "Convolution"[^\n]*num_output: (\d+)[^\n]*group: (\d+)', text)
    assert [name for name, *_ in found][-3:] == ["5_5", "5_6", "6"]
    assert len(found) == 13
    assert all(filters == group for _, filters, group in found)
    strided = re.findall(r'name: "(conv\w+(?:/dw)?)" type: "Convolution"[^\n]*stride: 2', text)
    assert strided == ["conv1", "conv2_2/dw", "conv3_2/dw", "conv4_2/dw", "conv5_6/dw"]
