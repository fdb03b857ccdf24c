"""VGG: chains of 3x3 convolutions between poolings."""

from __future__ import annotations

from collections.abc import Sequence

from ..prototxt import Prototxt

_FILTERS = (64, 128, 256, 512, 512)


def vgg(name: str, convolutions: Sequence[int]) -> str:
    """The prototxt of a VGG.

    Source: Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, table 1.

    Args:
        name: the net's name.
        convolutions: how many there are in each of the five stages; (2, 2, 3, 3, 3) is configuration D.
    """
    net = Prototxt(name, channels=3, size=224)
    top = "data"
    for stage, (count, filters) in enumerate(zip(convolutions, _FILTERS, strict=True), 1):
        for index in range(1, count + 1):
            top = net.convolution(f"conv{stage}_{index}", top, filters, 3, pad=1)
            net.relu(f"relu{stage}_{index}", top)
        top = net.max_pool(f"pool{stage}", top, 2, 2)
    for number in (6, 7):
        top = net.inner_product(f"fc{number}", top, 4096)
        net.relu(f"relu{number}", top)
        net.dropout(f"drop{number}", top, 0.5)
    net.softmax("prob", net.inner_product("fc8", top, 1000))
    return str(net)
