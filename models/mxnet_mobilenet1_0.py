"""MobileNet v1 of MXNet's model zoo."""

from .architectures.gluon_mobilenet import gluon_mobilenet
from .gluon import PREPROCESSING, published_weights
from .network import IMAGENET_LABELS, Network

NETWORK = Network(
    description="MobileNet v1, width 1: 13 pairs of depthwise and pointwise convolutions (gluon's mobilenet1.0)",
    source="Howard et al., MobileNets, arXiv:1704.04861",
    framework="mxnet",
    structure=gluon_mobilenet,
    preprocessing=PREPROCESSING,
    labels=IMAGENET_LABELS,
    parameters=4_231_976,
    weights=published_weights("mobilenet1.0-6b8c5106", 17_015_456, "6b8c5106c730e8750bcd82ceb75220a3351157cd"),
)
