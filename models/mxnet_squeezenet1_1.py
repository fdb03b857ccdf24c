"""SqueezeNet v1.1 of MXNet's model zoo."""

from ..preprocessing import Preprocessing
from .architectures.gluon_squeezenet import gluon_squeezenet
from .network import IMAGENET_LABELS, Network, Weights

NETWORK = Network(
    description="SqueezeNet v1.1: eight fire modules, no fully connected layer (gluon's squeezenet1.1)",
    source="Iandola et al., SqueezeNet, arXiv:1602.07360, and the authors' repository for v1.1",
    framework="mxnet",
    structure=gluon_squeezenet,
    preprocessing=Preprocessing(  # image / 255, minus (0.485, 0.456, 0.406), by (0.229, 0.224, 0.225)
        input="data",
        size=(224, 224),
        channel_order="RGB",
        mean=(123.675, 116.28, 103.53),
        scale=(1 / 58.395, 1 / 57.12, 1 / 57.375),
        resize="short",
        resize_to=256,
    ),
    labels=IMAGENET_LABELS,
    parameters=1_235_496,
    weights=Weights(
        file="squeezenet1.1-33ba0f93.params",
        bytes=4_941_984,
        license="Apache-2.0",
        urls=("https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/models/squeezenet1.1-33ba0f93.zip",),
        sha1="33ba0f93753c83d86e1eb397f38a667eaf2e9376",
        note="SHA-1 of the unpacked file by MXNet 1.9.1's model_store.py; the size is that of its arrays",
    ),
)
