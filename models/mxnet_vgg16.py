"""VGG-16 of MXNet's model zoo."""

from ..preprocessing import Preprocessing
from .architectures.gluon_vgg import gluon_vgg
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="VGG-16: 13 convolutions of 3x3 and three large fully connected layers (gluon's vgg16)",
    source="Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration D",
    framework="mxnet",
    structure=lambda: gluon_vgg((2, 2, 3, 3, 3)),
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
    parameters=138_357_544,
    weights=Weights(
        file="vgg16-e660d456.params",
        bytes=553_430_176,
        license="Apache-2.0",
        urls=("https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/models/vgg16-e660d456.zip",),
        sha1="e660d4569ccb679ec68f1fd3cce07a387252a90a",
        note="SHA-1 of the unpacked file by MXNet 1.9.1's model_store.py; the size is that of its arrays",
    ),
)
