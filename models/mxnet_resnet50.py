"""ResNet-50 of MXNet's model zoo."""

from .architectures.gluon_resnet import gluon_resnet_v1
from .gluon import PREPROCESSING, published_weights
from .network import IMAGENET_LABELS, Network

NETWORK = Network(
    description="ResNet-50: 16 bottleneck blocks, biases in their 1x1 convolutions (gluon's resnet50_v1)",
    source="He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016",
    framework="mxnet",
    structure=lambda: gluon_resnet_v1((3, 4, 6, 3)),
    preprocessing=PREPROCESSING,
    labels=IMAGENET_LABELS,
    parameters=25_575_912,
    weights=published_weights("resnet50_v1-0aee57f9", 102_516_128, "0aee57f96768c0a2d5b23a6ec91eb08dfb0a45ce"),
)
