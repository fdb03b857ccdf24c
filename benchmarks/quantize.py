"""Quantize the four nets of ../shared/peers with planish and with onnxruntime's own tool, in one table.

    python benchmarks/quantize.py [NET ...]

Per row: top-1 accuracy and agreement with float on 500 test images, mean over them of the logits' SQNR in dB, CPU time
of one image against float (onnxruntime, 1 thread, batch 1), CPU seconds of the quantizer after imports.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
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


def onnxruntime(method: str) -> Quantizer:
    """onnxruntime.quantization, per channel, QDQ."""

    def run(model: Path, images: NDArray[np.float32], output: Path) -> None:
        from onnxruntime import quantization

        class Reader(quantization.CalibrationDataReader):
            def __init__(self) -> None:
                self._rest = iter([{"x": image[None]} for image in images])

            def get_next(self) -> dict[str, NDArray[np.float32]] | None:
                return next(self._rest, None)

        chosen = quantization.CalibrationMethod[method]
        with contextlib.redirect_stdout(io.StringIO()):
            quantization.quantize_static(str(model), str(output), Reader(), per_channel=True, calibrate_method=chosen)

    return run


QUANTIZERS: dict[str, Quantizer] = {
    "planish": planish(StaticSettings()),
    "planish --fast": planish(StaticSettings(repairs=FAST)),
    "onnxruntime minmax": onnxruntime("MinMax"),
    "onnxruntime percentile": onnxruntime("Percentile"),
}


def main() -> None:
    """Print the table."""
    data = np.load(PEERS / "data.npz")
    print(f"{'net':<12}{'quantizer':<24}{'acc':>7}{'agree':>7}{'SQNR':>7}{'latency':>9}{'CPU s':>7}")
    for net in sys.argv[1:] or NETS:
        model = PEERS / f"{net}.onnx"
        reference = Session(model, optimizations="all")
        wanted = _logits(reference, data["test"])
        for name, quantize in QUANTIZERS.items():
            with tempfile.TemporaryDirectory() as folder:
                output = Path(folder) / "quantized.onnx"
                begin = time.process_time()
                quantize(model, data["calib"], output)
                seconds = time.process_time() - begin
                session = Session(output, optimizations="all")
                got = _logits(session, data["test"])
                latency = measure([reference, session], {"x": data["test"][:1]}, threads=1, seconds=2)
            sqnr = np.mean(10 * np.log10(np.square(wanted).sum(1) / np.square(wanted - got).sum(1)))
            agree = (wanted.argmax(1) == got.argmax(1)).mean()
            accuracy = (got.argmax(1) == data["test_y"]).mean()
            ratio = 1 / latency.cpu_ratio.median
            print(
                f"{net:<12}{name:<24}{accuracy:>7.3f}{agree:>7.3f}{sqnr:>7.1f}{ratio:>9.2f}{seconds:>7.1f}", flush=True
            )


def _logits(session: Session, images: NDArray[np.float32]) -> NDArray[np.float64]:
    parts = [session.run({"x": images[i : i + 50]})["logits"] for i in range(0, len(images), 50)]
    return np.concatenate(parts).astype(np.float64)


if __name__ == "__main__":
    main()
