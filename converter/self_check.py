"""Runs a converted model once, whatever framework it came from, so that its shapes can be compared with theirs."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import ModelError, PlanishError
from ..files import ModelParts
from ..runtime_check.session import Session

_STAND_IN_BYTES = 2**22
"""Larger weights are stood in for by zeros that take no memory: shapes do not depend on them."""


def run_once(parts: ModelParts, feeds: dict[str, NDArray[np.generic]], where: str) -> dict[str, NDArray[np.generic]]:
    """The model's outputs in onnxruntime; of use for their shapes only.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    model, values = skeleton(parts)
    try:
        return Session(model, name=where).run({**feeds, **values})
    except PlanishError as error:
        raise ModelError(f"{error}; this is a bug of planish: please report it with the network's structure") from error


def skeleton(parts: ModelParts) -> tuple[onnx.ModelProto, dict[str, NDArray[np.generic]]]:
    """The model with its floats as inputs, which onnxruntime does not copy, and what to feed them."""
    model = onnx.ModelProto()
    model.CopyFrom(parts.model)
    values: dict[str, NDArray[np.generic]] = {}
    for name, array in parts.tensors.items():
        if array.dtype != np.float32 or array.size < 1024:  # small ones may be shapes, bounds and the like
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
            continue
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, array.shape))
        values[name] = array if array.nbytes <= _STAND_IN_BYTES else np.zeros(array.shape, np.float32)
    return model, values
