"""MobileNet v1 of width 1."""

from ..preprocessing import Preprocessing
from .architectures.mobilenet import mobilenet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="MobileNet v1, width 1: 13 pairs of depthwise and pointwise convolutions; top-1 70.81 %, top-5 89.85 %",
    source="Howard et al., MobileNets, arXiv:1704.04861; trained for Caffe by Shicai Yang",
    framework="caffe",
    structure=lambda: mobilenet("MOBILENET"),
    preprocessing=Preprocessing(
        input="data",
        size=(224, 224),
        channel_order="BGR",
        mean=(103.94, 116.78, 123.68),
        scale=(0.017,),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=4_231_976,
    weights=Weights(
        file="mobilenet.caffemodel",
        bytes=17_027_058,
        license="BSD-3-Clause",
        urls=(
            "https://github.com/shicai/MobileNet-Caffe/raw/26a8b8c0afb6114a07c1c9e4f550e4e0dd8cced1/mobilenet.caffemodel",
        ),
        sha256="8d6edcd3dbd1356f2f19dd220c362c2ba8f44233a9b6c12ca6d0351cb0c446b6",
        note="SHA-256 and size by Open Model Zoo; the author gives none",
    ),
)
