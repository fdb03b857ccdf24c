"""SqueezeNet v1.1 of MXNet's model zoo."""

from .architectures.gluon_squeezenet import gluon_squeezenet
from .gluon import PREPROCESSING, published_weights
from .network import IMAGENET_LABELS, Network

NETWORK = Network(
    description="SqueezeNet v1.1: eight fire modules, no fully connected layer (gluon's squeezenet1.1)",
    source="Iandola et al., SqueezeNet, arXiv:1602.07360, and the authors' repository for v1.1",
    framework="mxnet",
    structure=gluon_squeezenet,
    preprocessing=PREPROCESSING,
    labels=IMAGENET_LABELS,
    parameters=1_235_496,
    weights=published_weights("squeezenet1.1-33ba0f93", 4_941_984, "33ba0f93753c83d86e1eb397f38a667eaf2e9376"),
)
