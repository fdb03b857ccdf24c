"""VGG-16."""

from ..preprocessing import Preprocessing
from .architectures.vgg import vgg
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="VGG-16: 13 convolutions of 3x3 and three large fully connected layers; top-1 71.5 % (MatConvNet)",
    source="Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration D",
    framework="caffe",
    structure=lambda: vgg("VGG_ILSVRC_16_layers", (2, 2, 3, 3, 3)),
    preprocessing=Preprocessing(
        input="data",
        size=(224, 224),
        channel_order="BGR",
        mean=(103.939, 116.779, 123.68),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=138_357_544,
    weights=Weights(
        file="VGG_ILSVRC_16_layers.caffemodel",
        bytes=553_432_081,
        license="CC BY 4.0",
        urls=(
            "http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/VGG_ILSVRC_16_layers.caffemodel",
            "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/vgg/VGG_ILSVRC_16_layers.caffemodel",
        ),
        sha256="a6196bc498e45ea4cb2637114ae8db9410cf1556fd60a55ae93272371beba197",
        sha1="9363e1f6d65f7dba68c4f27a1e62105cdf6c4e24",
        note="SHA-256 and size by Open Model Zoo, SHA-1 by opencv_extra and Apache MXNet; the authors give none",
    ),
)
