"""GoogLeNet: inception modules of four branches."""

from __future__ import annotations

from ..prototxt import Prototxt

_INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5 and pool projection: the columns of the paper's table 1."""


def googlenet(name: str) -> str:
    """The prototxt of GoogLeNet without its auxiliary classifiers, as deployed by BVLC.

    Source: Szegedy et al., Going Deeper with Convolutions, CVPR 2015, table 1.
    """
    net = Prototxt(name, channels=3, size=224)
    top = _convolution(net, "conv1", "7x7", "data", 64, kernel=7, pad=3, stride=2, suffix="_s2")
    top = net.lrn("pool1/norm1", net.max_pool("pool1/3x3_s2", top, 3, 2))
    top = _convolution(net, "conv2", "3x3_reduce", top, 64, kernel=1)
    top = net.lrn("conv2/norm2", _convolution(net, "conv2", "3x3", top, 192, kernel=3, pad=1))
    top = net.max_pool("pool2/3x3_s2", top, 3, 2)
    for module, filters in _INCEPTIONS.items():
        top = _inception(net, f"inception_{module}", top, filters)
        if module in ("3b", "4e"):
            top = net.max_pool(f"pool{module[0]}/3x3_s2", top, 3, 2)
    top = net.dropout("pool5/drop_7x7_s1", net.average_pool("pool5/7x7_s1", top, 7), 0.4)
    net.softmax("prob", net.inner_product("loss3/classifier", top, 1000))
    return str(net)


def _inception(net: Prototxt, module: str, bottom: str, filters: tuple[int, int, int, int, int, int]) -> str:
    single, reduce3, filters3, reduce5, filters5, projected = filters
    reduced3 = _convolution(net, module, "3x3_reduce", bottom, reduce3, kernel=1)
    reduced5 = _convolution(net, module, "5x5_reduce", bottom, reduce5, kernel=1)
    pooled = net.max_pool(f"{module}/pool", bottom, 3, 1, 1)
    branches = [
        _convolution(net, module, "1x1", bottom, single, kernel=1),
        _convolution(net, module, "3x3", reduced3, filters3, kernel=3, pad=1),
        _convolution(net, module, "5x5", reduced5, filters5, kernel=5, pad=2),
        _convolution(net, module, "pool_proj", pooled, projected, kernel=1),
    ]
    return net.layer("Concat", f"{module}/output", branches)


def _convolution(
    net: Prototxt,
    module: str,
    part: str,
    bottom: str,
    filters: int,
    *,
    kernel: int,
    pad: int = 0,
    stride: int = 1,
    suffix: str = "",
) -> str:
    top = net.convolution(f"{module}/{part}{suffix}", bottom, filters, kernel, pad=pad, stride=stride)
    return net.relu(f"{module}/relu_{part}", top)
