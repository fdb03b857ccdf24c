"""onnxruntime's profiler, read."""

import numpy as np
from planish.runtime_check.profile import NodeTime, describe, profile
from planish.runtime_check.session import Session

FEEDS = {"data": np.ones((1, 3, 300, 200), np.float32)}


def test_the_time_goes_to_the_convolution(classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    times = profile(classifier(size=("h", "w")), FEEDS, runs=5)
    assert max(times, key=lambda node: node.ms).operator in {"Conv", "FusedConv"}
    assert "Gemm" in {node.operator for node in times}
    assert sum(node.ms for node in times) > 0.05
    assert list(tmp_path.iterdir()) == []  # the profiler's file is gone


def test_sum_is_about_the_whole(classifier):
    """The profiler costs time itself, so the sum lies near the latency, not at it."""
    import time

    session = Session(classifier(size=("h", "w")), optimizations="all")
    runs = []
    for _ in range(9):
        begin = time.perf_counter()
        session.run(FEEDS)
        runs.append(1000 * (time.perf_counter() - begin))
    total = sum(node.ms for node in profile(classifier(size=("h", "w")), FEEDS, runs=9))
    assert 0.2 < total / np.median(runs) < 5


def test_convolutions_and_conversions_are_summed():
    nodes = [
        NodeTime("a", "Conv", 1.0),
        NodeTime("b", "FusedConv", 2.0),
        NodeTime("c", "QLinearConv", 0.5),
        NodeTime("ReorderInput", "ReorderInput", 0.25),
        NodeTime("q", "QuantizeLinear", 0.125),
    ]
    assert describe(nodes) == (
        "3 convolutions in 3.50 of 3.88 ms; changes of layout take 0.25 ms; QuantizeLinear and back take 0.12 ms"
    )
    assert describe(nodes[:1]) == "1 convolutions in 1.00 of 1.00 ms"
