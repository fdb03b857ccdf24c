"""ResNet-50 of MXNet's model zoo."""

from ..preprocessing import Preprocessing
from .architectures.gluon_resnet import gluon_resnet_v1
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="ResNet-50: 16 bottleneck blocks, biases in their 1x1 convolutions (gluon's resnet50_v1)",
    source="He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016",
    framework="mxnet",
    structure=lambda: gluon_resnet_v1((3, 4, 6, 3)),
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
    parameters=25_575_912,
    weights=Weights(
        file="resnet50_v1-0aee57f9.params",
        bytes=102_516_128,
        license="Apache-2.0",
        urls=("https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/models/resnet50_v1-0aee57f9.zip",),
        sha1="0aee57f96768c0a2d5b23a6ec91eb08dfb0a45ce",
        note="SHA-1 of the unpacked file by MXNet 1.9.1's model_store.py; the size is that of its arrays",
    ),
)
