"""Winograd's algorithm along the rows, layer by layer: where it gains, and whether the rule knows.

    python benchmarks/exact_winograd.py                         layers of well-known networks
    python benchmarks/exact_winograd.py 64,192,56,3 48,128,27,5   channels, filters, size, kernel

Prints process CPU milliseconds at 1 thread of a little net, the layer between two 1x1 convolutions, as it is and by
Winograd's algorithm, the least of 7 turns, and what the rule predicts to gain (it is applied where that is positive).
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs
from planish.files import ModelParts
from planish.passes.exact import Exact, winograd
from planish.passes.exact.rule import Rewrite, Scene
from planish.passes.graph import to_graph, to_parts
from planish.passes.targets.calibration_nets import NetBuilder
from planish.runtime_check.latency import measure
from planish.runtime_check.session import Session

LAYERS = (
    "64,192,56,3 64,64,56,3 128,192,28,3 256,256,56,3 512,512,28,3 160,320,14,3 512,512,7,3 64,64,224,3 16,16,32,3 "
    "32,96,28,5 48,128,27,5"
)
TURNS = 7


def rewritten(parts: ModelParts, kernel: int) -> tuple[ModelParts, float]:
    """The net with its one large convolution rewritten, and the milliseconds that the rule predicts to gain."""
    gains = []

    def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
        found = winograd.RULE.match(node, scene)
        if isinstance(found, Rewrite):
            gains.append(found.gain_ms)
            return replace(found, gain_ms=math.inf)
        return found

    graph = to_graph(parts)
    Exact(rules=(replace(winograd.RULE, match=match),)).run(graph)
    if not gains:
        raise ValueError(f"the rule does not know kernels of {kernel}")
    return to_parts(graph, parts), gains[0]


def main() -> None:
    """Print a line per layer."""
    for layer in sys.argv[1:] or LAYERS.split():
        channels, filters, size, kernel = (int(number) for number in layer.split(","))
        net = NetBuilder(channels, size).conv(channels, (1, 1)).conv(filters, (kernel, kernel)).conv(16, (1, 1))
        before = net.build()
        after, gain_ms = rewritten(before, kernel)
        sessions = [Session(parts, optimizations="all") for parts in (before, after)]
        x = {"x": np.random.default_rng(0).standard_normal((1, channels, size, size)).astype(np.float32)}
        turns = [[t.cpu_ms for t in measure(sessions, x, threads=1, rounds=1).timings] for _ in range(TURNS)]
        ms = np.min(turns, axis=0)
        print(
            f"{channels:4d} to {filters:3d}, {size:3d} x {size:3d}, {kernel}x{kernel}: {ms[0]:7.3f} and {ms[1]:7.3f} "
            f"ms, {ms[0] / ms[1]:.2f} times, predicted gain {gain_ms:+.3f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
