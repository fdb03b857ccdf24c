"""ResNet-50 v2 of MXNet's model zoo."""

from ..preprocessing import Preprocessing
from .architectures.gluon_resnet import gluon_resnet_v2
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="ResNet-50 v2: 16 bottleneck blocks that normalize first (gluon's resnet50_v2)",
    source="He, Zhang, Ren and Sun, Identity Mappings in Deep Residual Networks, ECCV 2016",
    framework="mxnet",
    structure=lambda: gluon_resnet_v2((3, 4, 6, 3)),
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
    parameters=25_549_480,
    weights=Weights(
        file="resnet50_v2-ecdde353.params",
        bytes=102_380_240,
        license="Apache-2.0",
        urls=("https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/models/resnet50_v2-ecdde353.zip",),
        sha1="ecdde35339c1aadbec4f547857078e734a76fb49",
        note="SHA-1 of the unpacked file by MXNet 1.9.1's model_store.py; the size is that of its arrays",
    ),
)
