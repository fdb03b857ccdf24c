"""How well a target's cost model predicts whole networks: measured and predicted milliseconds, and speed-ups.

    python benchmarks/target_model.py                                       VGG-16's trunk and seven rewrites of it
    python benchmarks/target_model.py net.onnx small.onnx                   the same for given models
    python benchmarks/target_model.py --catalogue                           networks of the catalogue, random weights
    python benchmarks/target_model.py --target ncnn                         another runtime, where it is installed
    python benchmarks/target_model.py --builtin                             with the built-in coefficients

Times are process CPU milliseconds of one run at 1 thread and batch 1; every model is opened anew in each of three
rounds, and the median counts. Speed-ups are over the first model. Run `planish calibrate-target` first.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from planish.commands.console import console, table
from planish.converter.caffe import convert_caffe
from planish.files import ModelParts, read_parts
from planish.models import find_network
from planish.passes.graph import to_graph, to_parts
from planish.passes.targets import find_target
from planish.passes.targets.calibration_nets import NetBuilder
from planish.passes.targets.runners import open_runner
from planish.runtime_check.cost import count, infer_shapes
from planish.runtime_check.latency import measure

VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
CATALOGUE = ("caffe_vgg16", "caffe_googlenet", "caffe_squeezenet_v1_1", "caffe_resnet50", "caffe_mobilenet")
ROUNDS = 3


def trunk(form: str = "dense", ratio: float = 1.0, block: int = 16) -> ModelParts:
    """VGG-16 without its fully connected layers, every layer but the first in `form` at `ratio` fewer MACs."""
    net = NetBuilder(3, 224)
    for filters in VGG16:
        if isinstance(filters, str):
            net.operator("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        elif form == "dense" or net.channels == 3:
            net.conv(filters)
        else:
            append_pair(net, form, filters, ratio, block)
    return net.operator("GlobalAveragePool").build()


def append_pair(net: NetBuilder, form: str, filters: int, ratio: float, block: int) -> None:
    """A pair of convolutions in the place of a 3x3 with its MACs divided by `ratio`; ranks are multiples of `block`."""
    first, second = {
        "3x1, 1x3": ((3, 1), (1, 3)),
        "3x3, 1x1": ((3, 3), (1, 1)),
        "1x1, 3x3": ((1, 1), (3, 3)),
    }[form]
    per_rank = net.channels * math.prod(first) + filters * math.prod(second)
    rank = max(block, round(9 * net.channels * filters / per_rank / ratio / block) * block)
    net.conv(rank, first, relu=False).conv(filters, second)


def trunks() -> dict[str, ModelParts]:
    """The dense trunk, then its rewrites."""
    nets = {"dense": trunk()}
    for form in ("3x1, 1x3", "1x1, 3x3", "3x3, 1x1"):
        for ratio in (2, 3):
            nets[f"{form} at 1/{ratio}"] = trunk(form, ratio)
    nets["3x1, 1x3 at 1/2.05, any rank"] = trunk("3x1, 1x3", 2.05, block=1)
    return nets


def catalogue() -> dict[str, ModelParts]:
    """Networks of the catalogue with random weights."""
    nets = {}
    for name in CATALOGUE:
        with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as prototxt:
            prototxt.write(find_network(name).structure())
            prototxt.flush()
            nets[name] = convert_caffe(prototxt.name, random_weights=0)
    return nets


def cleaned(parts: ModelParts) -> ModelParts:
    """As planish writes it: no initializer is an input, which costs onnxruntime its fast layout; sizes fixed."""
    made = to_parts(to_graph(parts))
    for value in [*made.model.graph.input, *made.model.graph.output]:
        shape = infer_shapes(made)[value.name]
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, shape))
    return made


def milliseconds(runtime: str, parts: ModelParts) -> float:
    """Median over openings of the model."""
    rng = np.random.default_rng(0)
    feeds = {
        value.name: rng.standard_normal([d.dim_value for d in value.type.tensor_type.shape.dim], dtype=np.float32)
        for value in parts.model.graph.input
    }
    times = []
    for _ in range(ROUNDS):
        runner = open_runner(runtime, parts, 1)
        times.append(measure([runner], feeds, threads=1, rounds=3).timings[0].cpu_ms)
    return float(np.median(times))


def report(name: str, nets: Mapping[str, ModelParts]) -> None:
    """Print one row per model, and the errors."""
    target = find_target(name)
    rows, errors = [], []
    base = None
    for label, parts in nets.items():
        parts = cleaned(parts)  # noqa: PLW2901
        measured, predicted, macs = milliseconds(name, parts), target.model_latency_ms(parts), count(parts).macs()
        base = base or (measured, predicted, macs)
        errors.append(predicted / measured - 1)
        ratios = [f"{first / value:.2f}" for first, value in zip(base, (measured, predicted, macs), strict=True)]
        rows.append((label, f"{measured:.2f}", f"{predicted:.2f}", f"{errors[-1]:+.1%}", *ratios))
    columns = ("network", "measured ms", "predicted ms", "error", "speed-up", "predicted", "MACs")
    out = console()
    out.print(table(f"{name}: {target.source}", columns, rows))
    sizes = np.abs(errors)
    out.print(f"mean absolute error {sizes.mean():.1%}, worst {sizes.max():.1%}")


def main() -> None:
    """Read the arguments and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--target", default="onnxruntime")
    parser.add_argument("--catalogue", action="store_true")
    parser.add_argument("--builtin", action="store_true", help="ignore this machine's calibration")
    arguments = parser.parse_args()
    if arguments.builtin:
        os.environ["PLANISH_CACHE"] = tempfile.mkdtemp()
    nets = {path.stem: read_parts(path) for path in arguments.models}
    if arguments.catalogue:
        nets |= catalogue()
    report(arguments.target, nets or trunks())


if __name__ == "__main__":
    main()
