"""Accuracy, MACs and CPU time of channel pruning on the nets of ../shared, for docs/pruning.md.

    OMP_NUM_THREADS=1 python benchmarks/prune.py resnet --ratio 2.564 --criterion lasso greedy magnitude first

Calibration data is never the data that accuracy is measured on; labels are only used for the latter.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.prune import Prune
from planish.passes.statistics import Sampling
from planish.runtime_check.session import Session

SHARED = Path(__file__).parents[1] / ".." / "shared"
CIFAR = {"resnet20": "resnet20_cifar10", "resnet56": "resnet56_cifar10"}
BATCH = 20

Data = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]


def peer_data() -> Data:
    """Calibration images, test images and their labels of the digits nets."""
    data = np.load(SHARED / "peers" / "data.npz")
    return data["calib"], data["test"], data["test_y"]


def cifar_data() -> Data:
    """The same for CIFAR-10."""
    calib, test = (np.load(SHARED / "assets" / "data" / "cifar10" / f"{n}.npz") for n in ("calib1000", "eval2000"))
    mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])

    def prepared(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        scaled = (images.astype(np.float32) / 255 - mean) / deviation
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    names = list(test.keys())
    images, labels = (next(n for n in names if test[n].ndim == rank) for rank in (4, 1))
    return prepared(calib[images]), prepared(test[images]), test[labels]


def top1(model: onnx.ModelProto, images: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class that the model gives each image."""
    session, name = Session(model, optimizations="all"), model.graph.input[0].name
    outputs = [session.run({name: images[i : i + 100]}) for i in range(0, len(images), 100)]
    return np.concatenate([np.asarray(o[model.graph.output[0].name]).argmax(axis=1) for o in outputs])


def main() -> None:
    """Print one line for each criterion, with and without the fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net", choices=["vgg", "resnet", "mbnet", *CIFAR])
    parser.add_argument("--ratio", type=float, default=2.0)
    parser.add_argument("--criterion", nargs="+", default=["lasso"])
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--no-refit", action="store_true")
    settings = parser.parse_args()
    is_cifar = settings.net in CIFAR
    calib, test, labels = cifar_data() if is_cifar else peer_data()
    folder = SHARED / "assets" / "models" / "onnx" / "cifar_resnet" if is_cifar else SHARED / "peers"
    model = onnx.load(folder / f"{CIFAR.get(settings.net, settings.net)}.onnx")
    name = model.graph.input[0].name
    calib = calib[: settings.images]
    batches = [{name: calib[i : i + BATCH]} for i in range(0, len(calib), BATCH)]
    original = top1(model, test)
    print(f"{settings.net}: float {(original == labels).mean():.4f}")
    for criterion in settings.criterion:
        step = Prune(
            goal=Goal("MACs", settings.ratio),
            criterion=criterion,
            fitted=not settings.no_refit,
            batches=batches,
            sampling=Sampling(settings.samples),
        )
        started = time.process_time()
        result = rewrite(model, [step])
        seconds = time.process_time() - started
        got = top1(result.parts.to_model(), test)
        left = result.after.macs() / result.before.macs()
        print(
            f"{criterion:>9}: {left:.3f} of the MACs, top-1 {(got == labels).mean():.4f}, "
            f"agreement {(got == original).mean():.4f}, {seconds:.1f} CPU s"
        )


if __name__ == "__main__":
    main()
