"""AlexNet as trained by BVLC."""

from ..preprocessing import Preprocessing
from .architectures.alexnet import alexnet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="AlexNet with its two columns as groups; top-1 57.1 %, top-5 80.2 %",
    source="Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep CNNs, NIPS 2012",
    framework="caffe",
    structure=lambda: alexnet("AlexNet", pool_first=False),
    preprocessing=Preprocessing(  # the mean is that of BVLC's mean image
        input="data",
        size=(227, 227),
        channel_order="BGR",
        mean=(104.00698793, 116.66876762, 122.67891434),
        resize="warp",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=60_965_224,
    weights=Weights(
        file="bvlc_alexnet.caffemodel",
        bytes=243_862_414,
        license="unrestricted",
        urls=(
            "http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel",
            "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/bvlc_alexnet/bvlc_alexnet.caffemodel",
        ),
        sha256="4bff209a9837298157915ef50a4831a59636a6ca1a6b8ebacd990c3a5f3053e0",
        sha1="9116a64c0fbe4459d18f4bb6b56d647b63920377",
        note="SHA-1 by BVLC's readme.md, SHA-256 and size by Open Model Zoo",
    ),
)
