"""Time two ONNX models in another runtime; started by exact.py in a Python that has the runtime, but not planish.

    python exact_runtime.py openvino|ncnn|mnn|opencv BEFORE.onnx AFTER.onnx 1,3,224,224

Prints one JSON document: process CPU milliseconds of each at 1 thread, how many times as fast the second is (the median
of the rounds' ratios), and the largest difference of the first output over its largest magnitude.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Run = Callable[[], np.ndarray]
OPENINGS = 5
"""Of each model: two openings of one file differ by up to a tenth in ncnn."""
LEAST_ROUNDS, MOST_ROUNDS, SECONDS = 20, 200, 6.0


def openvino(model: str, x: np.ndarray, _: str) -> Run:
    """In float32: OpenVINO's own choice on such a CPU would be bfloat16."""
    import openvino as ov

    core = ov.Core()
    network = core.read_model(model)
    network.reshape(list(x.shape))
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    request = core.compile_model(network, "CPU", settings).create_infer_request()
    return lambda: request.infer([x])[0]


def ncnn(model: str, x: np.ndarray, folder: str) -> Run:
    """By pnnx's static binary, without 16-bit storage."""
    import ncnn as runtime

    copy = Path(folder) / "m.onnx"
    if not copy.exists():
        shutil.copy(model, copy)
        spec = importlib.util.find_spec("pnnx")  # importing it would need torch
        found = Path(str(spec.origin)).parent.rglob("pnnx*") if spec is not None else iter(())
        binary = next(path for path in found if path.is_file() and os.access(path, os.X_OK))
        shape = ",".join(map(str, x.shape))
        subprocess.run([binary, copy, f"inputshape=[{shape}]", "fp16=0"], cwd=folder, capture_output=True, check=False)
    net = runtime.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    net.load_param(f"{folder}/m.ncnn.param")
    net.load_model(f"{folder}/m.ncnn.bin")
    mat = runtime.Mat(x[0]).clone()

    def run() -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input("in0", mat)
        return np.array(extractor.extract("out0")[1])

    return run


def mnn(model: str, x: np.ndarray, folder: str) -> Run:
    """By the converter's module: its console script installs packages and calls home."""
    import MNN

    path = f"{folder}/m.mnn"
    convert = f"['mnnconvert','-f','ONNX','--modelFile',{model!r},'--MNNModel',{path!r},'--bizCode','x']"
    if not Path(path).exists():
        command = [sys.executable, "-c", f"import _tools; _tools.mnnconvert({convert})"]
        subprocess.run(command, capture_output=True, check=False)
    manager = MNN.nn.create_runtime_manager(({"backend": "CPU", "precision": "high", "numThread": 1},))
    module = MNN.nn.load_module_from_file(path, [], [], runtime_manager=manager)

    def run() -> np.ndarray:
        result = module.forward(MNN.expr.const(x, list(x.shape), MNN.expr.NCHW))
        result = result[0] if isinstance(result, list | tuple) else result
        return np.array(MNN.expr.convert(result, MNN.expr.NCHW).read())

    return run


def opencv(model: str, x: np.ndarray, _: str) -> Run:
    """OpenCV 4: version 5 has another engine."""
    import cv2

    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(model)

    def run() -> np.ndarray:
        net.setInput(x)
        return net.forward()

    return run


def main() -> None:
    """Time both, in turns."""
    opener = {"openvino": openvino, "ncnn": ncnn, "mnn": mnn, "opencv": opencv}[sys.argv[1]]
    x = np.random.default_rng(0).standard_normal([int(size) for size in sys.argv[4].split(",")]).astype(np.float32)
    models = [str(Path(model).resolve()) for model in sys.argv[2:4]]
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        pairs = [
            [opener(model, x, folder) for model, folder in zip(models, (first, second), strict=True)]
            for _ in range(OPENINGS)
        ]
        before, after = (run().reshape(-1) for run in pairs[0])
        rounds: list[list[float]] = []
        begin = time.perf_counter()
        while len(rounds) < LEAST_ROUNDS or (time.perf_counter() - begin < SECONDS and len(rounds) < MOST_ROUNDS):
            # Each is first every other time: whichever runs second finds the other's weights in the caches.
            order = (0, 1) if len(rounds) % 2 else (1, 0)
            times = {index: _milliseconds(pairs[len(rounds) // 2 % OPENINGS][index]) for index in order}
            rounds.append([times[0], times[1]])
    figures = np.array(rounds)
    medians = np.median(figures, axis=0)
    error = float(np.abs(before - after).max() / np.abs(before).max())
    found = {"before_ms": medians[0], "after_ms": medians[1], "ratio": np.median(figures[:, 0] / figures[:, 1])}
    print(json.dumps({**{name: float(value) for name, value in found.items()}, "runtime_difference": error}))


def _milliseconds(run: Run) -> float:
    begin, count = time.process_time(), 0
    while time.process_time() - begin < 0.01:
        run()
        count += 1
    return (time.process_time() - begin) / count * 1e3


if __name__ == "__main__":
    main()
