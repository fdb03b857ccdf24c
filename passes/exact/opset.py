"""`--opset N`: another version of the standard operators, by onnx's own converter."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import version_converter

from ...errors import ModelError
from ...files import ModelParts

_BIG_TENSOR_BYTES = 4096
"""Tensors above this are weights, whose values no conversion looks at; they stay where they are."""

_FIRST_IR_WITHOUT_INITIALIZER_INPUTS = 4
"""Before it, the converter takes an initializer that is no input for undefined."""

FIRST_OPSET = 7
"""The converter's adapters begin here, and so does onnxruntime."""


def convert_opset(parts: ModelParts, opset: int) -> ModelParts:
    """The same model in version `opset` of the standard operators; weights are not copied.

    Raises:
        ModelError: the converter does not know the version, or cannot express a node in it.
    """
    newest = onnx.defs.onnx_opset_version()
    if not FIRST_OPSET <= opset <= newest:
        raise ModelError(f"--opset {opset}: this onnx knows versions {FIRST_OPSET} to {newest}; give one of them")
    big = {name: array for name, array in parts.tensors.items() if array.nbytes > _BIG_TENSOR_BYTES}
    light = onnx.ModelProto()
    light.CopyFrom(parts.model)
    light.ir_version = max(light.ir_version, _FIRST_IR_WITHOUT_INITIALIZER_INPUTS)
    for name, array in parts.tensors.items():
        if name in big:
            kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
            light.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, array.shape))
        else:
            light.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    try:
        converted = version_converter.convert_version(light, opset)
    except RuntimeError as error:
        reason = str(error).rpartition(": ")[2]
        raise ModelError(
            f"--opset {opset}: onnx's version converter cannot bring the model there ({reason}); choose a version "
            f"nearer to its own, {_version(parts.model)}"
        ) from error
    kept = [value for value in converted.graph.input if value.name not in big]
    del converted.graph.input[:]
    converted.graph.input.extend(kept)
    _copy_header(parts.model, converted)
    return ModelParts(converted, big)


def _version(model: onnx.ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), 1)


def _copy_header(origin: onnx.ModelProto, model: onnx.ModelProto) -> None:
    """What the converter drops, and the oldest file format that may hold the new version."""
    del model.metadata_props[:]
    model.metadata_props.extend(origin.metadata_props)
    model.producer_name, model.producer_version = origin.producer_name, origin.producer_version
    oldest = onnx.helper.find_min_ir_version_for(model.opset_import, ignore_unknown=True)
    model.ir_version = max(origin.ir_version, oldest)
