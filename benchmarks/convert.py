"""What converting a Caffe model costs: CPU and wall seconds and peak memory, beside other readers.

    python benchmarks/convert.py [--models vgg16,googlenet] [--repeat 3]

VGG-16 (553 MB) is made up from the catalogue's prototxt and random weights; GoogLeNet is that of ../shared/assets.
Every job runs in a process of its own, and its figures are those of the whole process, imports included. Peers that are
not installed are left out. The copy is what the size of the file costs anybody.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planish.commands.console import console, table
from planish.wire import tag, varint

ASSETS = Path(__file__).parents[1] / "../shared/assets/models/caffe"
OPENCV = "import cv2, sys; cv2.dnn.readNetFromCaffe(*sys.argv[1:])"
COPY = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    cpu_s: float
    wall_s: float
    peak_bytes: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="vgg16,googlenet")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each job; the one of least CPU time counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models.split(","):
            prototxt, caffemodel = files(model, Path(folder))
            work = Path(folder)
            rows = [measure(*job, work, arguments.repeat) for job in jobs(prototxt, caffemodel, work)]
            title = f"{model}, {caffemodel.stat().st_size / 1e6:.0f} MB"
            console().print(table(title, ("job", "CPU s", "wall s", "peak MB"), rows))


def files(model: str, folder: Path) -> tuple[Path, Path]:
    """The prototxt and caffemodel of a model."""
    if model == "googlenet":
        return ASSETS / "bvlc_googlenet/deploy.prototxt", ASSETS / "bvlc_googlenet/bvlc_googlenet.caffemodel"
    # In a process of its own: what starts a job lends it its own memory until the job's program is loaded.
    maker = multiprocessing.get_context("spawn").Process(target=make, args=(model, folder))
    maker.start()
    maker.join()
    return folder / f"{model}.prototxt", folder / f"{model}.caffemodel"


def make(model: str, folder: Path) -> None:
    """Write a network of the catalogue with random weights."""
    from planish.converter.caffe import convert_caffe
    from planish.models import find_network

    prototxt = folder / f"{model}.prototxt"
    prototxt.write_text(find_network(f"caffe_{model}").structure())
    tensors = convert_caffe(prototxt, random_weights=0, check=False).tensors
    write_caffemodel(tensors, folder / f"{model}.caffemodel")


def write_caffemodel(tensors: dict[str, Any], path: Path) -> None:
    """The weights of a net without BatchNorm, whose tensors are called LAYER/weight and LAYER/bias."""
    names = [name.removesuffix("/weight") for name in tensors if name.endswith("/weight")]
    with path.open("wb") as stream:
        for name in names:
            blobs = [tensors[f"{name}/{kind}"] for kind in ("weight", "bias")]
            heads = [_blob_head(blob) for blob in blobs]
            head = _field(1, name.encode())
            stream.write(
                tag(100) + varint(len(head) + sum(map(len, heads)) + sum(blob.nbytes for blob in blobs)) + head
            )
            for start, blob in zip(heads, blobs, strict=True):
                stream.write(start)
                stream.write(blob.data)


def _field(number: int, payload: bytes) -> bytes:
    return tag(number) + varint(len(payload)) + payload


def _blob_head(blob: Any) -> bytes:
    shape = _field(7, _field(1, b"".join(varint(size) for size in blob.shape)))
    data = tag(5) + varint(blob.nbytes)
    return tag(7) + varint(len(shape) + len(data) + blob.nbytes) + shape + data


def jobs(prototxt: Path, caffemodel: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """(name, command) of every reader that is installed."""
    net, weights, out = str(prototxt), str(caffemodel), folder / "out"
    yield "copy of the file", [sys.executable, "-c", COPY, weights, f"{out}.copy"]
    yield "planish convert", [sys.executable, "-m", "planish", "convert", "caffe", net, weights, "-o", f"{out}.onnx"]
    yield "OpenCV readNetFromCaffe", [sys.executable, "-c", OPENCV, net, weights]
    if converter := shutil.which("caffe2ncnn"):
        yield "caffe2ncnn", [converter, net, weights, f"{out}.param", f"{out}.bin"]
    if converter := shutil.which("MNNConvert") or shutil.which("mnnconvert"):
        options = ["-f", "CAFFE", "--modelFile", weights, "--prototxt", net, "--bizCode", "x"]
        yield "MNNConvert", [converter, *options, "--MNNModel", f"{out}.mnn"]
    if converter := shutil.which("mo"):
        yield "OpenVINO mo", [converter, "--input_model", weights, "--input_proto", net, "--output_dir", str(folder)]


def measure(name: str, command: list[str], folder: Path, repeat: int) -> tuple[str, str, str, str]:
    """The row of one job: that of its runs which took least CPU time."""
    costs = []
    for _ in range(repeat):
        for old in folder.glob("out*"):  # what an old file's removal takes is no part of the job
            old.unlink()
        costs.append(run(command))
    best = min(costs, key=lambda cost: cost.cpu_s)
    return name, f"{best.cpu_s:.2f}", f"{best.wall_s:.2f}", f"{best.peak_bytes / 1e6:.0f}"


def run(command: list[str]) -> Cost:
    """Run a command to its end."""
    start = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}\n{errors.decode()}")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss * 1024)


if __name__ == "__main__":
    main()
