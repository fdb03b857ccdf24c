"""VGG-16 of MXNet's model zoo."""

from .architectures.gluon_vgg import gluon_vgg
from .gluon import PREPROCESSING, published_weights
from .network import IMAGENET_LABELS, Network

NETWORK = Network(
    description="VGG-16: 13 convolutions of 3x3 and three large fully connected layers (gluon's vgg16)",
    source="Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration D",
    framework="mxnet",
    structure=lambda: gluon_vgg((2, 2, 3, 3, 3)),
    preprocessing=PREPROCESSING,
    labels=IMAGENET_LABELS,
    parameters=138_357_544,
    weights=published_weights("vgg16-e660d456", 553_430_176, "e660d4569ccb679ec68f1fd3cce07a387252a90a"),
)
