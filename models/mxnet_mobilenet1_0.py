"""MobileNet v1 of MXNet's model zoo."""

from ..preprocessing import Preprocessing
from .architectures.gluon_mobilenet import gluon_mobilenet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="MobileNet v1, width 1: 13 pairs of depthwise and pointwise convolutions (gluon's mobilenet1.0)",
    source="Howard et al., MobileNets, arXiv:1704.04861",
    framework="mxnet",
    structure=gluon_mobilenet,
    preprocessing=Preprocessing(  # image / 255, minus (0.485, 0.456, 0.406), by (0.229, 0.224, 0.225)
        input="data",
        size=(224, 224),
        channel_order="RGB",
        mean=(123.675, 116.28, 103.53),
        scale=(1 / 58.395, 1 / 57.12, 1 / 57.375),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=4_231_976,
    weights=Weights(
        file="mobilenet1.0-6b8c5106.params",
        bytes=17_015_456,
        license="Apache-2.0",
        urls=("https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/models/mobilenet1.0-6b8c5106.zip",),
        sha1="6b8c5106c730e8750bcd82ceb75220a3351157cd",
        note="SHA-1 of the unpacked file by MXNet 1.9.1's model_store.py; the size is that of its arrays",
    ),
)
