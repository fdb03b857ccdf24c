"""ResNet-152."""

from ..preprocessing import Preprocessing
from .architectures.resnet import resnet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="ResNet-152: 50 bottleneck blocks; top-1 77.0 %, top-5 93.3 %",
    source="He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016",
    framework="caffe",
    structure=lambda: resnet("ResNet-152", (3, 8, 36, 3)),
    preprocessing=Preprocessing(  # the mean is that of the authors' mean image
        input="data",
        size=(224, 224),
        channel_order="BGR",
        mean=(103.0626238, 115.90288257, 123.15163084),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=60_192_808,
    weights=Weights(
        file="ResNet-152-model.caffemodel",
        bytes=241_444_171,
        license="MIT",
        urls=(
            "https://onedrive.live.com/download?cid=4006CBB8476FF777&resid=4006CBB8476FF777%2117897&authkey=AAFW2-FVoxeVRck",
            "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/resnet/ResNet-152-model.caffemodel",
        ),
        sha256="6253c4c4132c0b25c112b166629aa57dcaeec044a4c68ac9f003b6c801329d55",
        sha1="251edb93604ac8268c7fd2227a0f15144310e1aa",
        note="SHA-256 and size by Open Model Zoo, SHA-1 by Apache MXNet; the authors give none",
    ),
)
