"""BVLC's reference CaffeNet."""

from ..preprocessing import Preprocessing
from .architectures.alexnet import alexnet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="CaffeNet: AlexNet that pools before it normalizes; top-1 57.4 %, top-5 80.4 %",
    source="Jia et al., Caffe: Convolutional Architecture for Fast Feature Embedding, arXiv:1408.5093",
    framework="caffe",
    structure=lambda: alexnet("CaffeNet", pool_first=True),
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
        file="bvlc_reference_caffenet.caffemodel",
        bytes=243_862_418,
        license="unrestricted",
        urls=("http://dl.caffe.berkeleyvision.org/bvlc_reference_caffenet.caffemodel",),
        sha1="4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46",
        note="SHA-1 by BVLC's readme.md, size by Open Model Zoo",
    ),
)
