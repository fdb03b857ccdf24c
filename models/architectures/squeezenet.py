"""SqueezeNet: fire modules that squeeze the channels and expand them again."""

from __future__ import annotations

from ..prototxt import Prototxt

_SQUEEZED = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}
"""Filters of each fire module's squeeze layer; both of its expand layers have four times as many."""


def squeezenet(name: str) -> str:
    """The prototxt of SqueezeNet v1.1.

    Source: Iandola et al., SqueezeNet, arXiv:1602.07360, table 1, with the changes of the authors' release v1.1: the
    first convolution has 64 filters of 3x3, and the poolings follow conv1, fire3 and fire5.
    """
    net = Prototxt(name, channels=3, size=227)
    top = net.relu("relu_conv1", net.convolution("conv1", "data", 64, 3, stride=2))
    top = net.max_pool("pool1", top, 3, 2)
    for number, squeezed in _SQUEEZED.items():
        top = _fire(net, f"fire{number}", top, squeezed)
        if number in (3, 5):
            top = net.max_pool(f"pool{number}", top, 3, 2)
    top = net.convolution("conv10", net.dropout("drop9", top, 0.5), 1000, 1)
    net.softmax("prob", net.average_pool("pool10", net.relu("relu_conv10", top)))
    return str(net)


def _fire(net: Prototxt, module: str, bottom: str, squeezed: int) -> str:
    top = net.convolution(f"{module}/squeeze1x1", bottom, squeezed, 1)
    net.relu(f"{module}/relu_squeeze1x1", top)
    expanded = []
    for kernel in (1, 3):
        part = f"expand{kernel}x{kernel}"
        branch = net.convolution(f"{module}/{part}", top, 4 * squeezed, kernel, pad=kernel // 2)
        expanded.append(net.relu(f"{module}/relu_{part}", branch))
    return net.layer("Concat", f"{module}/concat", expanded)
