"""MobileNet as MXNet's gluon has it."""

from __future__ import annotations

from ..symbol import SymbolWriter

_BLOCKS = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *5 * ((1, 512),), (2, 1024), (1, 1024))
"""Stride of the depthwise and filters of the pointwise convolution."""


def gluon_mobilenet() -> str:
    """The symbol of MobileNet v1 of width 1; its output is not normalized by a softmax.

    Source: Howard et al., MobileNets, arXiv:1704.04861, table 1.
    """
    net = SymbolWriter(channels=3, size=224)
    channels = 32
    top = _normalized(net, 0, "data", channels, kernel=3, stride=2)
    for index, (stride, filters) in enumerate(_BLOCKS):
        top = _normalized(net, 6 * index + 3, top, channels, kernel=3, stride=stride, group=channels)
        top = _normalized(net, 6 * index + 6, top, filters, kernel=1)
        channels = filters
    net.dense("output", net.flatten(net.average_pool(top)), 1000)
    return str(net)


def _normalized(
    net: SymbolWriter, place: int, bottom: str, filters: int, *, kernel: int, stride: int = 1, group: int = 1
) -> str:
    """Convolution, normalization and ReLU: three blocks from `place` on."""
    top = net.convolution(
        f"features.{place}", bottom, filters, kernel, pad=kernel // 2, stride=stride, group=group, bias=False
    )
    return net.relu(net.batch_norm(f"features.{place + 1}", top))
