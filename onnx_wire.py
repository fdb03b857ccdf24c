"""ONNX files read so that their weights stay where they lie; field numbers are those of onnx.proto."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from .mapped import map_file
from .wire import fields

MODEL_GRAPH, GRAPH_INITIALIZER, TENSOR_RAW_DATA = 7, 5, 9
"""Field numbers of ModelProto.graph, GraphProto.initializer and TensorProto.raw_data."""

_SMALL_TENSOR_BYTES = 1024
"""Up to here a tensor is parsed with the rest: shapes and axes depend on the values of small ones."""

_VIEWED_TYPES = frozenset(
    getattr(onnx.TensorProto, name)
    for name in ("FLOAT", "DOUBLE", "FLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64")
)
"""Types whose raw bytes are a NumPy array's."""


Tensors = dict[str, NDArray[np.generic]]


def read(path: Path, tensors: Tensors) -> onnx.ModelProto:
    """Parse the ONNX file `path`; put its weights into `tensors` as views of the file instead of into the model.

    Raises:
        ValueError: the bytes are no such message.
        google.protobuf.message.DecodeError: likewise.
        OSError: the file or its external data cannot be read.
    """
    view = map_file(path)
    model = onnx.ModelProto()
    for number, start, value, end in fields(view, 0, len(view)):
        if number == MODEL_GRAPH:
            _read_graph(view, value, end, model.graph, tensors)
        else:
            model.MergeFromString(bytes(view[start:end]))
    _read_external_data(path, model.graph, tensors)
    return model


def _read_graph(view: memoryview, start: int, end: int, graph: onnx.GraphProto, tensors: Tensors) -> None:
    for number, key, value, stop in fields(view, start, end):
        if number != GRAPH_INITIALIZER or not _read_tensor(view, value, stop, tensors):
            graph.MergeFromString(bytes(view[key:stop]))


def _read_tensor(view: memoryview, start: int, end: int, tensors: Tensors) -> bool:
    """Add a view of the tensor's raw data to `tensors`; False where it must be parsed the ordinary way."""
    if end - start <= _SMALL_TENSOR_BYTES:
        return False
    head, raw = onnx.TensorProto(), None
    for number, key, value, stop in fields(view, start, end):
        if number == TENSOR_RAW_DATA:
            raw = view[value:stop]
        elif stop - key > _SMALL_TENSOR_BYTES:
            return False
        else:
            head.MergeFromString(bytes(view[key:stop]))
    if raw is None or head.data_type not in _VIEWED_TYPES:
        return False
    tensors[head.name] = as_array(raw, head)
    return True


def as_array(raw: memoryview, head: onnx.TensorProto) -> NDArray[np.generic]:
    """The tensor that `head` describes and whose bytes are `raw`, as a view of them.

    Raises:
        ValueError: the number of bytes is not the shape's.
    """
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(head.data_type))
    expected = math.prod(head.dims) * dtype.itemsize
    if min(head.dims, default=0) < 0 or len(raw) != expected:
        raise ValueError(
            f"tensor '{head.name}' of shape {list(head.dims)} should have {expected} bytes and has {len(raw)}"
        )
    return np.frombuffer(raw, dtype.newbyteorder("<")).reshape(tuple(head.dims))


def _read_external_data(path: Path, graph: onnx.GraphProto, tensors: Tensors) -> None:
    """Map the files that hold external tensors; locations that leave the model's folder are refused."""
    files: dict[Path, memoryview] = {}
    for tensor in [t for t in graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]:
        facts = {entry.key: entry.value for entry in tensor.external_data}
        location = (path.parent / facts.get("location", "")).resolve()
        if not location.is_relative_to(path.parent.resolve()) or not location.is_file():
            raise ValueError(
                f"tensor '{tensor.name}' lies in '{facts.get('location')}', which is no file beside the model"
            )
        if location not in files:
            files[location] = map_file(location)
        data = files[location]
        offset = int(facts.get("offset", 0))
        length = int(facts.get("length", len(data) - offset))
        if offset < 0 or length < 0 or offset + length > len(data):
            raise ValueError(f"tensor '{tensor.name}' ends beyond its file '{location.name}'")
        tensors[tensor.name] = as_array(data[offset : offset + length], tensor)
        graph.initializer.remove(tensor)
