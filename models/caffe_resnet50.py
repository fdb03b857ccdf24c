"""ResNet-50."""

from ..preprocessing import Preprocessing
from .architectures.resnet import resnet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="ResNet-50: 16 bottleneck blocks; top-1 75.3 %, top-5 92.2 %",
    source="He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016",
    framework="caffe",
    structure=lambda: resnet("ResNet-50", (3, 4, 6, 3)),
    preprocessing=Preprocessing(  # the mean is that of the authors' mean image
        input="data",
        size=(224, 224),
        channel_order="BGR",
        mean=(103.0626238, 115.90288257, 123.15163084),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=25_557_096,
    weights=Weights(
        file="ResNet-50-model.caffemodel",
        bytes=102_462_397,
        license="MIT",
        urls=(
            "https://onedrive.live.com/download?cid=4006CBB8476FF777&resid=4006CBB8476FF777%2117895&authkey=AAFW2-FVoxeVRck",
            "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/resnet/ResNet-50-model.caffemodel",
        ),
        sha256="44ee2b08816cede2b7aaa047888df07dcab52f73399aa1c8bef05a17bfdd4888",
        sha1="b7c79ccc21ad0479cddc0dd78b1d20c4d722908d",
        note="SHA-256 and size by Open Model Zoo, SHA-1 by Apache MXNet; the authors give none",
    ),
)
