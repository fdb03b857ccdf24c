"""What the networks of gluon's model zoo have in common: their input, and where their weights lie."""

from __future__ import annotations

from ..preprocessing import Preprocessing
from .network import Weights

PREPROCESSING = Preprocessing(  # image / 255, minus (0.485, 0.456, 0.406), by (0.229, 0.224, 0.225)
    input="data",
    size=(224, 224),
    channel_order="RGB",
    mean=(123.675, 116.28, 103.53),
    scale=(1 / 58.395, 1 / 57.12, 1 / 57.375),
    resize="short",
    resize_to=256,
)


def published_weights(name: str, arrays_bytes: int, sha1: str) -> Weights:
    """The file `name`.params, which is published as `name`.zip.

    Args:
        name: of the file, with the first digits of its checksum.
        arrays_bytes: size of its arrays.
        sha1: of the unpacked file.
    """
    return Weights(
        file=f"{name}.params",
        bytes=arrays_bytes,
        license="Apache-2.0",
        urls=(f"https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/models/{name}.zip",),
        sha1=sha1,
        note="SHA-1 of the unpacked file by MXNet 1.9.1's model_store.py; the size is that of its arrays",
    )
