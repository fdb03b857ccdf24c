"""Runs a converted model once and compares its shapes with Caffe's own rules."""

from __future__ import annotations

import numpy as np

from ...errors import ModelError
from ...files import ModelParts
from ...runtime_check.session import Session
from ..onnx_builder import BATCH
from .graph import GraphBuilder


def check_shapes(parts: ModelParts, graph: GraphBuilder) -> None:
    """Run the model on random input and compare each output's shape with the one that Caffe would give.

    Raises:
        ModelError: onnxruntime refuses the model, or gives other shapes.
    """
    generator = np.random.default_rng(0)
    feeds = {entry.name: generator.random(entry.shape or (), np.float32) for entry in graph.net.inputs}
    answers = Session(parts.to_model(), name=graph.net.file).run(feeds)
    for name in graph.net.outputs:
        blob = graph.blobs[name]
        found = answers[blob.tensor].shape
        free = blob.batch if blob.symbol != BATCH else None
        fits = len(found) == blob.rank and all(
            size == expected or (axis == free and size <= expected)
            for axis, (size, expected) in enumerate(zip(found, blob.shape, strict=True))
        )
        if not fits:
            raise ModelError(
                f"{graph.net.file}: output '{name}' has shape {found} in onnxruntime, but Caffe gives {blob.shape}; "
                "this is a bug of planish: please report it with the prototxt"
            )
