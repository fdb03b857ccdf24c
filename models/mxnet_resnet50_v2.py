"""ResNet-50 v2 of MXNet's model zoo."""

from .architectures.gluon_resnet import gluon_resnet_v2
from .gluon import PREPROCESSING, published_weights
from .network import IMAGENET_LABELS, Network

NETWORK = Network(
    description="ResNet-50 v2: 16 bottleneck blocks that normalize first (gluon's resnet50_v2)",
    source="He, Zhang, Ren and Sun, Identity Mappings in Deep Residual Networks, ECCV 2016",
    framework="mxnet",
    structure=lambda: gluon_resnet_v2((3, 4, 6, 3)),
    preprocessing=PREPROCESSING,
    labels=IMAGENET_LABELS,
    parameters=25_549_480,
    weights=published_weights("resnet50_v2-ecdde353", 102_380_240, "ecdde35339c1aadbec4f547857078e734a76fb49"),
)
