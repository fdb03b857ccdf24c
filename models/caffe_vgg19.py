"""VGG-19."""

from ..preprocessing import Preprocessing
from .architectures.vgg import vgg
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="VGG-19: VGG-16 with three more convolutions",
    source="Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration E",
    framework="caffe",
    structure=lambda: vgg("VGG_ILSVRC_19_layers", (2, 2, 4, 4, 4)),
    preprocessing=Preprocessing(
        input="data",
        size=(224, 224),
        channel_order="BGR",
        mean=(103.939, 116.779, 123.68),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=143_667_240,
    weights=Weights(
        file="VGG_ILSVRC_19_layers.caffemodel",
        bytes=574_671_192,
        license="CC BY 4.0",
        urls=(
            "http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/VGG_ILSVRC_19_layers.caffemodel",
            "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/vgg/VGG_ILSVRC_19_layers.caffemodel",
        ),
        sha1="239785e7862442717d831f682bb824055e51e9ba",
        note="size by Open Model Zoo, SHA-1 by Apache MXNet; the authors give none",
    ),
)
