"""Whether `planish check` can be trusted on a busy machine: equal models, and one that is a tenth slower.

    python benchmarks/latency_verdicts.py --equal 50 --slower 10 --load 2

Opens both models anew for every comparison, while `--load` processes compute beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from planish.runtime_check.latency import measure
from planish.runtime_check.session import Session

FEEDS = {"x0": np.ones((1, 64, 14, 15), np.float32)}


def chain(convolutions: int) -> onnx.ModelProto:
    """So many 3x3 convolutions of 64 channels, one behind the other."""
    rng = np.random.default_rng(0)
    weights = [0.05 * rng.standard_normal((64, 64, 3, 3)).astype(np.float32) for _ in range(convolutions)]
    nodes = [helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], pads=[1] * 4) for i in range(convolutions)]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, [1, 64, 14, 15])],
        [helper.make_tensor_value_info(f"x{convolutions}", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, f"w{i}") for i, weight in enumerate(weights)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def verdict(first: onnx.ModelProto, second: onnx.ModelProto, seconds: float) -> str:
    """What `check` would say of the two."""
    sessions = [Session(model, optimizations="all") for model in (first, second)]
    speedup = measure(sessions, FEEDS, threads=1, seconds=seconds).speedup
    assert speedup is not None
    return speedup.verdict


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep the machine busy meanwhile: products of matrices, in bursts."""
    workers = [multiprocessing.Process(target=_compute, daemon=True) for _ in range(processes)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _compute() -> None:
    a = np.random.default_rng(os.getpid()).standard_normal((700, 700))
    while True:
        for _ in range(int(np.abs(a[0, 0]) * 10) + 3):
            a = np.tanh(a @ a / 700)
        time.sleep(0.01)


def main() -> None:
    """Count the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--equal", type=int, default=50, help="comparisons of a model with itself")
    parser.add_argument("--slower", type=int, default=10, help="comparisons with one that is a tenth slower")
    parser.add_argument("--load", type=int, default=2, help="processes that compute meanwhile")
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring for each comparison")
    options = parser.parse_args()
    ten, eleven = chain(10), chain(11)
    with load(options.load):
        equal = [verdict(ten, ten, options.seconds) for _ in range(options.equal)]
        slower = [verdict(ten, eleven, options.seconds) for _ in range(options.slower)]
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("equal models:", dict(Counter(equal)))
    print("a tenth slower:", f"{sum(one.startswith('slower') for one in slower)} of {len(slower)} found;", slower)


if __name__ == "__main__":
    main()
