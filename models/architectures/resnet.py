"""Residual networks of bottleneck blocks."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

from ..prototxt import Prototxt


def resnet(name: str, blocks: Sequence[int]) -> str:
    """The prototxt of a ResNet.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, table 1; as in the authors' models the
    stride of a stage lies in its first 1x1 convolution, and conv1 has a bias in ResNet-50 only.

    Args:
        name: the net's name.
        blocks: how many there are in each of the four stages; (3, 4, 6, 3) is ResNet-50.
    """
    net = Prototxt(name, channels=3, size=224)
    top = net.convolution("conv1", "data", 64, 7, pad=3, stride=2, bias=sum(blocks) == 16)
    net.batch_norm("bn_conv1", "scale_conv1", top)
    top = net.max_pool("pool1", net.relu("conv1_relu", top), 3, 2)
    for stage, count in enumerate(blocks, 2):
        for index in range(count):
            stride = 2 if index == 0 and stage > 2 else 1
            top = _bottleneck(
                net, f"{stage}{_letter(index, count)}", top, 32 << (stage - 1), stride=stride, first=index == 0
            )
    net.softmax("prob", net.inner_product("fc1000", net.average_pool("pool5", top, 7), 1000))
    return str(net)


def _letter(index: int, count: int) -> str:
    """Blocks are a, b, c, ...; in stages too long for the alphabet's taste a, b1, b2, ..."""
    return ascii_lowercase[index] if count <= 6 else f"b{index}" if index else "a"


def _bottleneck(net: Prototxt, block: str, bottom: str, filters: int, *, stride: int, first: bool) -> str:
    shortcut = _normalized(net, f"{block}_branch1", bottom, 4 * filters, kernel=1, stride=stride) if first else bottom
    top = bottom
    for part, kernel in (("a", 1), ("b", 3)):
        step = stride if part == "a" else 1
        top = _normalized(net, f"{block}_branch2{part}", top, filters, kernel=kernel, stride=step)
        net.relu(f"res{block}_branch2{part}_relu", top)
    top = _normalized(net, f"{block}_branch2c", top, 4 * filters, kernel=1)
    return net.relu(f"res{block}_relu", net.layer("Eltwise", f"res{block}", [shortcut, top]))


def _normalized(net: Prototxt, part: str, bottom: str, filters: int, *, kernel: int, stride: int = 1) -> str:
    top = net.convolution(f"res{part}", bottom, filters, kernel, pad=kernel // 2, stride=stride, bias=False)
    return net.batch_norm(f"bn{part}", f"scale{part}", top)
