"""MobileNet: depthwise convolutions, each followed by a pointwise one."""

from __future__ import annotations

from ..prototxt import Prototxt

_BLOCKS = (
    ("2_1", 1, 64),
    ("2_2", 2, 128),
    ("3_1", 1, 128),
    ("3_2", 2, 256),
    ("4_1", 1, 256),
    ("4_2", 2, 512),
    *((f"5_{index}", 1, 512) for index in range(1, 6)),
    ("5_6", 2, 1024),
    ("6", 1, 1024),
)
"""Name, stride of the depthwise and filters of the pointwise convolution."""


def mobilenet(name: str) -> str:
    """The prototxt of MobileNet v1 of width 1.

    Source: Howard et al., MobileNets, arXiv:1704.04861, table 1; layer names of the net published for Caffe.
    """
    net = Prototxt(name, channels=3, size=224)
    channels = 32
    top = _normalized(net, "1", net.convolution("conv1", "data", channels, 3, pad=1, stride=2, bias=False))
    for block, stride, filters in _BLOCKS:
        top = net.convolution(f"conv{block}/dw", top, channels, 3, pad=1, stride=stride, group=channels, bias=False)
        top = _normalized(net, f"{block}/dw", top)
        top = _normalized(net, f"{block}/sep", net.convolution(f"conv{block}/sep", top, filters, 1, bias=False))
        channels = filters
    net.softmax("prob", net.convolution("fc7", net.average_pool("pool6", top), 1000, 1))
    return str(net)


def _normalized(net: Prototxt, part: str, top: str) -> str:
    return net.relu(f"relu{part}", net.batch_norm(f"conv{part}/bn", f"conv{part}/scale", top))
