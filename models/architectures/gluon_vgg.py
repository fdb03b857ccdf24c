"""VGG nets as MXNet's gluon has them: stacks of 3x3 convolutions, two large fully connected layers and the classes'."""

from __future__ import annotations

from collections.abc import Sequence

from ..symbol import SymbolWriter


def gluon_vgg(convolutions: Sequence[int]) -> str:
    """The symbol of a VGG net; its output is not normalized by a softmax.

    Source: Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, table 1.

    Args:
        convolutions: how many there are in each of the five stacks; (2, 2, 3, 3, 3) is configuration D.
    """
    net = SymbolWriter(channels=3, size=224)
    top, place = "data", 0
    for filters, count in zip((64, 128, 256, 512, 512), convolutions, strict=True):
        for _ in range(count):
            top = net.relu(net.convolution(f"features.{place}", top, filters, 3, pad=1))
            place += 2  # a block for the convolution and one for its ReLU
        top = net.max_pool(top, 2, 2)
        place += 1
    for index in (place, place + 2):
        top = net.dropout(net.relu(net.dense(f"features.{index}", top, 4096)), 0.5)
    net.dense("output", top, 1000)
    return str(net)
