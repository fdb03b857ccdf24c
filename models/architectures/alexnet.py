"""AlexNet and its sibling CaffeNet."""

from __future__ import annotations

from ..prototxt import Prototxt


def alexnet(name: str, *, pool_first: bool) -> str:
    """The prototxt of AlexNet on one column of groups, as BVLC trained it.

    Source: Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep CNNs, NIPS 2012, section 3.5, with the
    two GPUs as two groups. CaffeNet differs in that it pools before it normalizes.

    Args:
        name: the net's name.
        pool_first: CaffeNet's order.
    """
    net = Prototxt(name, channels=3, size=227)
    top = "data"
    for number, (filters, kernel, pad, stride, group) in enumerate(((96, 11, 0, 4, 1), (256, 5, 2, 1, 2)), 1):
        top = net.convolution(f"conv{number}", top, filters, kernel, pad=pad, stride=stride, group=group)
        net.relu(f"relu{number}", top)
        top = top if pool_first else net.lrn(f"norm{number}", top)
        top = net.max_pool(f"pool{number}", top, 3, 2)
        top = net.lrn(f"norm{number}", top) if pool_first else top
    for number, (filters, group) in enumerate(((384, 1), (384, 2), (256, 2)), 3):
        top = net.convolution(f"conv{number}", top, filters, 3, pad=1, group=group)
        net.relu(f"relu{number}", top)
    top = net.max_pool("pool5", top, 3, 2)
    for number in (6, 7):
        top = net.inner_product(f"fc{number}", top, 4096)
        net.relu(f"relu{number}", top)
        net.dropout(f"drop{number}", top, 0.5)
    net.softmax("prob", net.inner_product("fc8", top, 1000))
    return str(net)
