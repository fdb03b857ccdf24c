"""SqueezeNet as MXNet's gluon has it."""

from __future__ import annotations

from ..symbol import SymbolWriter

_SQUEEZED = {3: 16, 4: 16, 6: 32, 7: 32, 9: 48, 10: 48, 11: 64, 12: 64}
"""Filters of the squeeze layer of each fire module, by its place; both expand layers have four times as many."""


def gluon_squeezenet() -> str:
    """The symbol of SqueezeNet v1.1; its output is not normalized by a softmax.

    Source: Iandola et al., SqueezeNet, arXiv:1602.07360, table 1, with the changes of the authors' release v1.1.
    """
    net = SymbolWriter(channels=3, size=224)
    top = net.relu(net.convolution("features.0", "data", 64, 3, stride=2))
    for place in range(2, 13):
        if place in _SQUEEZED:
            top = _fire(net, f"features.{place}", top, _SQUEEZED[place])
        else:
            top = net.max_pool(top, 3, 2, convention="full")
    top = net.relu(net.convolution("output.0", net.dropout(top, 0.5), 1000, 1))
    net.flatten(net.average_pool(top, 13))
    return str(net)


def _fire(net: SymbolWriter, block: str, bottom: str, squeezed: int) -> str:
    top = net.relu(net.convolution(f"{block}.0.0", bottom, squeezed, 1))
    expanded = [
        net.relu(net.convolution(f"{block}.1.{branch}.0", top, 4 * squeezed, kernel, pad=kernel // 2))
        for branch, kernel in enumerate((1, 3))
    ]
    return net.concat(expanded)
