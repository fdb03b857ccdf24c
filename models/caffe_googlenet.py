"""GoogLeNet as trained by BVLC."""

from ..preprocessing import Preprocessing
from .architectures.googlenet import googlenet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="GoogLeNet: nine inception modules and two LRN layers; top-1 68.7 %, top-5 88.9 %",
    source="Szegedy et al., Going Deeper with Convolutions, CVPR 2015",
    framework="caffe",
    structure=lambda: googlenet("GoogleNet"),
    preprocessing=Preprocessing(
        input="data",
        size=(224, 224),
        channel_order="BGR",
        mean=(104.0, 117.0, 123.0),
        resize="warp",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=6_998_552,
    weights=Weights(
        file="bvlc_googlenet.caffemodel",
        bytes=53_533_754,
        license="unrestricted",
        urls=(
            "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
            "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/bvlc_googlenet/bvlc_googlenet.caffemodel",
        ),
        sha256="6f7101e3a2183738a7125a0c5021ba82a1feb4228c5ca0924d991b6daf6f6fad",
        sha1="405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        note="SHA-1 by BVLC's readme.md, SHA-256 and size by Open Model Zoo",
    ),
)
