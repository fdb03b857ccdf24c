"""Converts all 34 networks of gluon's vision zoo and compares their outputs with MXNet's own.

MXNet 1.9.1 lives in a Python of its own (it needs NumPy before 1.24):

    python3.11 -m venv /tmp/mx && /tmp/mx/bin/pip install mxnet==1.9.1 'numpy<1.24'
    python benchmarks/mxnet_zoo.py --mxnet-python /tmp/mx/bin/python

Weights are random, and so are the statistics of every BatchNorm: with MXNet's own initial ones (gamma 1, mean 0,
variance 1) a converter that forgets fix_gamma or confuses mean and variance would pass.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TOLERANCE = 1e-4
"""Largest difference, in units of the largest output."""

NAMES = [
    "resnet18_v1",
    "resnet34_v1",
    "resnet50_v1",
    "resnet101_v1",
    "resnet152_v1",
    "resnet18_v2",
    "resnet34_v2",
    "resnet50_v2",
    "resnet101_v2",
    "resnet152_v2",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
    "vgg11_bn",
    "vgg13_bn",
    "vgg16_bn",
    "vgg19_bn",
    "alexnet",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "squeezenet1.0",
    "squeezenet1.1",
    "inceptionv3",
    "mobilenet1.0",
    "mobilenet0.75",
    "mobilenet0.5",
    "mobilenet0.25",
    "mobilenetv2_1.0",
    "mobilenetv2_0.75",
    "mobilenetv2_0.5",
    "mobilenetv2_0.25",
]


def export(name: str, folder: Path) -> None:
    """Write net-symbol.json, net-0000.params and golden.npz; runs in MXNet's Python."""
    import mxnet as mx

    random = np.random.RandomState(7)
    mx.random.seed(7)
    net = mx.gluon.model_zoo.vision.get_model(name)
    net.initialize(mx.init.Xavier(magnitude=2))
    net.hybridize()
    size = 299 if name == "inceptionv3" else 224
    data = mx.nd.array(random.uniform(-1, 1, (2, 3, size, size)))
    net(data)
    for key, parameter in net.collect_params().items():
        if key.endswith(("gamma", "running_var")):
            parameter.set_data(mx.nd.array(random.uniform(0.5, 1.5, parameter.shape)))
        elif key.endswith(("beta", "running_mean", "bias")):
            parameter.set_data(mx.nd.array(random.normal(0, 0.1, parameter.shape)))
    output = net(data)
    net.export(str(folder / "net"))
    np.savez(folder / "golden.npz", data=data.asnumpy(), output=output.asnumpy())


def compare(folder: Path) -> tuple[float, bool]:
    """The largest difference in units of the largest output, and whether the batch stayed dynamic."""
    from planish.converter.mxnet import convert_mxnet
    from planish.runtime_check.session import Session

    with np.load(folder / "golden.npz") as golden:
        data, wanted = golden["data"], golden["output"]
    shape = (1, *data.shape[1:])
    model = convert_mxnet(
        folder / "net-symbol.json", folder / "net-0000.params", input_shapes={"data": shape}
    ).to_model()
    (found,) = Session(model, threads=0).run({"data": data}).values()
    dynamic = bool(model.graph.input[0].type.tensor_type.shape.dim[0].dim_param)
    return float(np.abs(found - wanted).max() / np.abs(wanted).max()), dynamic


def main() -> int:
    """Export and compare each network; 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mxnet-python", help="Python in which MXNet 1.9.1 is installed")
    parser.add_argument("--export", metavar="FOLDER", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", default=NAMES, help="networks; all by default")
    options = parser.parse_args()
    if options.export:
        export(options.names[0], options.export)
        return 0
    right = 0
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "MXNET_MKLDNN_ENABLED": "0"}
            command = [options.mxnet_python, __file__, name, "--export", folder]
            subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
            difference, dynamic = compare(Path(folder))
        right += difference <= TOLERANCE
        print(f"{name:20} {difference:.1e} {'dynamic batch' if dynamic else 'fixed batch'}", flush=True)
    print(f"{right} of {len(options.names)} within {TOLERANCE:g}")
    return 0 if right == len(options.names) else 1


if __name__ == "__main__":
    sys.exit(main())
