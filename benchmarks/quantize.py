"""Quantize the four nets of ../shared/peers with planish and the quantizers that are installed, in one table.

    python benchmarks/quantize.py [NET ...]

Peers: onnxruntime's own tool, NNCF (pip install nncf) and ONNX Neural Compressor (pip install onnx-neural-compressor).
Per row: top-1 accuracy and agreement with float on 500 test images, mean over them of the logits' SQNR in dB, CPU time
of one image against float (onnxruntime, 1 thread, batch 1), CPU seconds of the quantizer after our imports, its peak
memory in MB with all that is loaded. Each row is made in a process of its own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from planish.files import write_model
from planish.passes import rewrite
from planish.passes.quantize import FAST, Quantize, StaticSettings
from planish.runtime_check.latency import measure
from planish.runtime_check.session import Session

PEERS = Path(__file__).parents[2] / "shared" / "peers"
NETS = ("vgg", "resnet", "mbnet", "mbnet_hard")
Quantizer = Callable[[Path, NDArray[np.float32], Path], None]


class _Batches:
    def __init__(self, images: NDArray[np.float32]) -> None:
        self._images = images

    def __iter__(self) -> Iterator[dict[str, NDArray[np.float32]]]:
        for begin in range(0, len(self._images), 10):
            yield {"x": self._images[begin : begin + 10]}


def planish(settings: StaticSettings) -> Quantizer:
    """Our pass with these settings."""

    def run(model: Path, images: NDArray[np.float32], output: Path) -> None:
        write_model(rewrite(model, [Quantize(batches=_Batches(images), settings=settings)]).parts, output)

    return run


class _Reader:
    """The calibration images one by one, for quantizers made after onnxruntime's."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._images = images
        self.rewind()

    def rewind(self) -> None:
        """Begin again."""
        self._rest = iter([{"x": image[None]} for image in self._images])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next image, or None."""
        return next(self._rest, None)


def onnxruntime(method: str) -> Quantizer:
    """onnxruntime.quantization, per channel, QDQ."""

    def run(model: Path, images: NDArray[np.float32], output: Path) -> None:
        from onnxruntime import quantization

        reader = type("Reader", (_Reader, quantization.CalibrationDataReader), {})(images)
        chosen = quantization.CalibrationMethod[method]
        quantization.quantize_static(str(model), str(output), reader, per_channel=True, calibrate_method=chosen)

    return run


def nncf(model: Path, images: NDArray[np.float32], output: Path) -> None:
    """NNCF with its defaults."""
    import nncf

    data = nncf.Dataset(list(images), lambda image: {"x": image[None]})
    onnx.save(nncf.quantize(onnx.load(model), data, subset_size=len(images)), output)


def neural_compressor(model: Path, images: NDArray[np.float32], output: Path) -> None:
    """ONNX Neural Compressor, per channel, QDQ."""
    from onnx_neural_compressor import data_reader, quantization
    from onnx_neural_compressor.quantization import config

    reader = type("Reader", (_Reader, data_reader.CalibrationDataReader), {})(images)
    settings = config.StaticQuantConfig(
        reader, per_channel=True, quant_format=quantization.QuantFormat.QDQ, calibration_sampling_size=len(images)
    )
    quantization.quantize(str(model), str(output), settings)


QUANTIZERS: dict[str, Quantizer] = {
    "planish": planish(StaticSettings()),
    "planish --fast": planish(StaticSettings(repairs=FAST)),
    "onnxruntime minmax": onnxruntime("MinMax"),
    "onnxruntime percentile": onnxruntime("Percentile"),
}
PEERS_BY_PACKAGE = {"nncf": nncf, "onnx_neural_compressor": neural_compressor}


def main() -> None:
    """Print the table."""
    columns = f"{'acc':>7}{'agree':>7}{'SQNR':>7}{'latency':>9}{'CPU s':>7}{'MB':>6}"
    print(f"{'net':<12}{'quantizer':<24}{columns}")
    for net in sys.argv[1:] or NETS:
        for name in quantizers():
            process = multiprocessing.get_context("spawn").Process(target=judge, args=(net, name))
            process.start()
            process.join()


def judge(net: str, name: str) -> None:
    """Print one row."""
    data = np.load(PEERS / "data.npz")
    model = PEERS / f"{net}.onnx"
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "quantized.onnx"
        begin = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            quantizers()[name](model, data["calib"], output)
        seconds, peak = time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        reference, session = (Session(path, optimizations="all") for path in (model, output))
    wanted, got = (_logits(one, data["test"]) for one in (reference, session))
    latency = measure([reference, session], {"x": data["test"][:1]}, threads=1, seconds=2)
    sqnr = np.mean(10 * np.log10(np.square(wanted).sum(1) / np.square(wanted - got).sum(1)))
    agree = (wanted.argmax(1) == got.argmax(1)).mean()
    accuracy = (got.argmax(1) == data["test_y"]).mean()
    costs = f"{1 / latency.cpu_ratio.median:>9.2f}{seconds:>7.1f}{peak:>6.0f}"
    print(f"{net:<12}{name:<24}{accuracy:>7.3f}{agree:>7.3f}{sqnr:>7.1f}{costs}", flush=True)


def quantizers() -> dict[str, Quantizer]:
    """Ours, onnxruntime's, and the peers that are installed."""
    installed = {name: run for name, run in PEERS_BY_PACKAGE.items() if importlib.util.find_spec(name)}
    return {**QUANTIZERS, **installed}


def _logits(session: Session, images: NDArray[np.float32]) -> NDArray[np.float64]:
    parts = [session.run({"x": images[i : i + 50]})["logits"] for i in range(0, len(images), 50)]
    return np.concatenate(parts).astype(np.float64)


if __name__ == "__main__":
    main()
