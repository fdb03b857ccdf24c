"""`--fp16-weights`: weights stored in half the bytes, computed with in float32.

Each big float32 tensor becomes a float16 one and a Cast, which runtimes carry out once, when they load the model. The
file is half as large and as fast as before; weights are rounded to 11 bits, which is the one thing here that is not
exact.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from ...files import ModelParts

MIN_ELEMENTS = 256
"""Smaller tensors, biases above all, are not worth a node."""


def store_halves(parts: ModelParts) -> ModelParts:
    """The same model with its big float32 tensors as float16; those that float16 cannot hold stay."""
    tensors: dict[str, NDArray[np.generic]] = {}
    casts = []
    taken = {name for node in parts.model.graph.node for name in (*node.input, *node.output)} | set(parts.tensors)
    for name, array in parts.tensors.items():
        half = _halved(array)
        if half is None:
            tensors[name] = array
            continue
        stored = f"{name}.fp16"
        while stored in taken:
            stored += "_"
        taken.add(stored)
        tensors[stored] = half
        casts.append(onnx.helper.make_node("Cast", [stored], [name], name=stored, to=onnx.TensorProto.FLOAT))
    model = onnx.ModelProto()
    model.CopyFrom(parts.model)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return ModelParts(model, tensors)


def _halved(array: NDArray[np.generic]) -> NDArray[np.float16] | None:
    if array.dtype != np.float32 or array.size < MIN_ELEMENTS:
        return None
    if not np.abs(array).max() <= np.finfo(np.float16).max:
        return None
    return array.astype(np.float16)
