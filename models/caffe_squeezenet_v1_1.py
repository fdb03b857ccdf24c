"""SqueezeNet v1.1."""

from ..preprocessing import Preprocessing
from .architectures.squeezenet import squeezenet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="SqueezeNet v1.1: eight fire modules, no fully connected layer, 5 MB",
    source="Iandola et al., SqueezeNet, arXiv:1602.07360, and the authors' repository for v1.1",
    framework="caffe",
    structure=lambda: squeezenet("SqueezeNet_v1.1"),
    preprocessing=Preprocessing(
        input="data",
        size=(227, 227),
        channel_order="BGR",
        mean=(104.0, 117.0, 123.0),
        resize="warp",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=1_235_496,
    weights=Weights(
        file="squeezenet_v1.1.caffemodel",
        bytes=4_950_080,
        license="BSD-2-Clause",
        urls=(
            "https://github.com/forresti/SqueezeNet/raw/a47b6f13d30985279789d08053d37013d67d131b/SqueezeNet_v1.1/squeezenet_v1.1.caffemodel",
            "https://raw.githubusercontent.com/DeepScale/SqueezeNet/b5c3f1a23713c8b3fd7b801d229f6b04c64374a5/SqueezeNet_v1.1/squeezenet_v1.1.caffemodel",
        ),
        sha256="72b912ace512e8621f8ff168a7d72af55910d3c7c9445af8dfbff4c2ee960142",
        sha1="3397f026368a45ae236403ccc81cfcbe8ebe1bd0",
        note="SHA-256 and size by Open Model Zoo, SHA-1 by opencv_extra; the authors give none",
    ),
)
