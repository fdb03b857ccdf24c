"""Residual networks of bottleneck blocks as MXNet's gluon has them, both versions."""

from __future__ import annotations

from collections.abc import Sequence

from ..symbol import SymbolWriter


def gluon_resnet_v1(blocks: Sequence[int]) -> str:
    """The symbol of a ResNet; its output is not normalized by a softmax.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, table 1. The stride of a stage lies in
    its first 1x1 convolution; the 1x1 convolutions have biases, which their normalization makes needless.

    Args:
        blocks: how many there are in each of the four stages; (3, 4, 6, 3) is ResNet-50.
    """
    net = SymbolWriter(channels=3, size=224)
    top = net.convolution("features.0", "data", 64, 7, pad=3, stride=2, bias=False)
    top = net.max_pool(net.relu(net.batch_norm("features.1", top)), 3, 2, pad=1)
    for stage, count in enumerate(blocks):
        net.stage(f"stage{stage + 1}")
        for index in range(count):
            stride = 2 if index == 0 and stage else 1
            top = _block_v1(net, f"features.{stage + 4}.{index}", top, 64 << stage, stride=stride, first=index == 0)
    net.stage("")
    net.dense("output", net.average_pool(top), 1000)
    return str(net)


def gluon_resnet_v2(blocks: Sequence[int]) -> str:
    """The symbol of a ResNet whose blocks normalize first; its output is not normalized by a softmax.

    Source: He et al., Identity Mappings in Deep Residual Networks, ECCV 2016, figure 1(b) and the appendix. The image
    is normalized by statistics of the training set, without gain; the stride lies in the 3x3 convolution.

    Args:
        blocks: as of `gluon_resnet_v1`.
    """
    net = SymbolWriter(channels=3, size=224)
    top = net.batch_norm("features.0", "data", scale=False)
    top = net.convolution("features.1", top, 64, 7, pad=3, stride=2, bias=False)
    top = net.max_pool(net.relu(net.batch_norm("features.2", top)), 3, 2, pad=1)
    for stage, count in enumerate(blocks):
        net.stage(f"stage{stage + 1}")
        for index in range(count):
            stride = 2 if index == 0 and stage else 1
            top = _block_v2(net, f"features.{stage + 5}.{index}", top, 64 << stage, stride=stride, first=index == 0)
    net.stage("")
    top = net.relu(net.batch_norm("features.9", top))
    net.dense("output", net.flatten(net.average_pool(top)), 1000)
    return str(net)


def _block_v1(net: SymbolWriter, block: str, bottom: str, filters: int, *, stride: int, first: bool) -> str:
    top = net.convolution(f"{block}.body.0", bottom, filters, 1, stride=stride)
    top = net.relu(net.batch_norm(f"{block}.body.1", top))
    top = net.convolution(f"{block}.body.3", top, filters, 3, pad=1, bias=False)
    top = net.relu(net.batch_norm(f"{block}.body.4", top))
    top = net.batch_norm(f"{block}.body.7", net.convolution(f"{block}.body.6", top, 4 * filters, 1))
    shortcut = bottom
    if first:
        shortcut = net.convolution(f"{block}.downsample.0", bottom, 4 * filters, 1, stride=stride, bias=False)
        shortcut = net.batch_norm(f"{block}.downsample.1", shortcut)
    return net.relu(net.add(top, shortcut))


def _block_v2(net: SymbolWriter, block: str, bottom: str, filters: int, *, stride: int, first: bool) -> str:
    normalized = net.relu(net.batch_norm(f"{block}.bn1", bottom))
    top = net.convolution(f"{block}.conv1", normalized, filters, 1, bias=False)
    top = net.relu(net.batch_norm(f"{block}.bn2", top))
    top = net.convolution(f"{block}.conv2", top, filters, 3, pad=1, stride=stride, bias=False)
    top = net.relu(net.batch_norm(f"{block}.bn3", top))
    top = net.convolution(f"{block}.conv3", top, 4 * filters, 1, bias=False)
    shortcut = bottom
    if first:
        shortcut = net.convolution(f"{block}.downsample", normalized, 4 * filters, 1, stride=stride, bias=False)
    return net.add(top, shortcut)
