"""ResNet-101."""

from ..preprocessing import Preprocessing
from .architectures.resnet import resnet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="ResNet-101: 33 bottleneck blocks; top-1 76.4 %, top-5 92.9 %",
    source="He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016",
    framework="caffe",
    structure=lambda: resnet("ResNet-101", (3, 4, 23, 3)),
    preprocessing=Preprocessing(  # the mean is that of the authors' mean image
        input="data",
        size=(224, 224),
        channel_order="BGR",
        mean=(103.0626238, 115.90288257, 123.15163084),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=44_549_160,
    weights=Weights(
        file="ResNet-101-model.caffemodel",
        bytes=178_662_602,
        license="MIT",
        urls=(
            "https://onedrive.live.com/download?cid=4006CBB8476FF777&resid=4006CBB8476FF777%2117896&authkey=AAFW2-FVoxeVRck",
            "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/resnet/ResNet-101-model.caffemodel",
        ),
        sha256="2847d93346d7928ec1f257f49f60ea53e9075c15265c494469610e67ffb7f2e2",
        sha1="1dbf5f493926bb9b6b3363b12d5133c0f8b78904",
        note="SHA-256 and size by Open Model Zoo, SHA-1 by Apache MXNet; the authors give none",
    ),
)
