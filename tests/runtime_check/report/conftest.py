"""A result with everything in it; what takes time to measure is made up."""

import math
from dataclasses import replace

import numpy as np
import onnx
import pytest
from planish.runtime_check.check import check
from planish.runtime_check.footprint import Footprint
from planish.runtime_check.gates import Thresholds
from planish.runtime_check.latency import Latency, Ratio, Timing
from planish.runtime_check.layout import Layout
from planish.runtime_check.planned import PlannedLayer
from planish.runtime_check.runtimes import RuntimeRow


@pytest.fixture
def full_result(classifier, preprocessing, pictures, tmp_path, rng):
    """Two models on labelled pictures, profiled, with gates, one of which fails, and with hostile names."""

    def disturb(tensors):
        tensors["f"] += 0.3 * rng.standard_normal(tensors["f"].shape).astype(np.float32)

    first, second = classifier(preprocessing=preprocessing), classifier(change=disturb)
    for model in (first, second):
        model.graph.node[0].name = "<script>alert('conv')</script>$x_2$"
    onnx.save(first, tmp_path / "a&b.onnx")
    onnx.save(second, tmp_path / "small.onnx")
    folder, _ = pictures
    (folder / "list.txt").write_text("".join(f"{index}.png {index % 7}\n" for index in range(8)))
    result = check(
        tmp_path / "a&b.onnx",
        tmp_path / "small.onnx",
        data=folder / "list.txt",
        thresholds=Thresholds(max_abs_error=1e-6, min_mac_ratio=0.9),
        latency_seconds=0,
        profile_runs=3,
        plan=[
            PlannedLayer("conv<1>", "tucker", (48, 32), (2_000_000, 1_000_000), (0.5, 0.25), 0.02, 0.5),
            PlannedLayer("fc", "gemm", (16,)),
        ],
        class_names=["<b>cat</b>, pussycat", *(f"class {index}" for index in range(1, 7))],
    )
    rows = (
        RuntimeRow("onnxruntime", "1.30", result.models[0].name, "", math.inf, 1.5, 2.5, 3.5, 80.0),
        RuntimeRow("mnn", "", result.models[1].name, "crashed (SIGSEGV)"),
    )
    worst = (replace(result.worst[0], pictures=(result.worst[0].thumbnail,) * 2), *result.worst[1:])
    layouts = (Layout(0, (), ("conv<2>",), ("ReorderInput after x, before y",)), Layout(3, ("fc",), (), ()))
    ratio = Ratio(1.25, 1.2, 1.3)
    latency = Latency((Timing(2.5, 2.0), Timing(2.0, 1.6)), ratio, ratio, rounds=25, load=0.5, threads=1, batch=1)
    measured = {"latencies": (latency,), "footprints": (Footprint(10.0, 20.0), Footprint(5.0, 10.0))}
    return replace(result, runtimes=rows, worst=worst, layouts=layouts, **measured)
