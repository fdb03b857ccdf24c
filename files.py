"""Reading and writing models: sizes are checked before memory is taken, and no failure leaves half a file.

An ONNX file is a protobuf message. A message may be written piece by piece (fields in any order, the parts of a
submessage one after the other), so big tensors go straight from where they lie, say a memory-mapped caffemodel, to the
file: a 553 MB VGG-16 is never held in memory twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from . import onnx_wire
from .errors import ModelError, OutputError
from .mapped import write_bytes
from .onnx_wire import GRAPH_INITIALIZER, MODEL_GRAPH, TENSOR_RAW_DATA
from .wire import tag, varint

STDOUT = "-"
"""As an output path: standard output."""

PROTOBUF_LIMIT = 2**31 - 1
"""Bytes in the largest message that protobuf reads; a larger model keeps its tensors in a file beside it."""


@dataclass(slots=True)
class ModelParts:
    """An ONNX model whose big tensors stay outside its protobuf message until it is written.

    Attributes:
        model: the model; `graph.initializer` holds none of `tensors`.
        tensors: the other initializers by name, as arrays of any backing (memory-mapped ones are welcome).
    """

    model: onnx.ModelProto
    tensors: dict[str, NDArray[np.generic]] = field(default_factory=dict)

    def to_model(self) -> onnx.ModelProto:
        """One self-contained ModelProto; copies every tensor."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.graph.initializer.extend(
            onnx.numpy_helper.from_array(array, name) for name, array in self.tensors.items()
        )
        return model


def as_parts(model: onnx.ModelProto | ModelParts) -> ModelParts:
    """`model` itself, or the parts of which one is the whole model."""
    return model if isinstance(model, ModelParts) else ModelParts(model)


def read_model(path: str | os.PathLike[str]) -> onnx.ModelProto:
    """The ONNX model in the file `path`, external data included, all in memory.

    Raises:
        ModelError: there is no such file, or it holds no valid ONNX graph.
    """
    return _checked(Path(path), lambda: onnx.load(path))


def read_parts(path: str | os.PathLike[str]) -> ModelParts:
    """The ONNX model in the file `path`, its weights as views of the memory-mapped file.

    Raises:
        ModelError: there is no such file, or it holds no valid ONNX graph.
    """
    tensors: dict[str, NDArray[np.generic]] = {}
    model = _checked(Path(path), lambda: onnx_wire.read(Path(path), tensors))
    return ModelParts(model, tensors)


def _checked(path: Path, read: Callable[[], onnx.ModelProto]) -> onnx.ModelProto:
    if not path.is_file():
        raise ModelError(f"{path}: no such file; give the path of an .onnx model")
    try:
        model = read()
    except (DecodeError, ValueError, OSError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"{path}: not a readable ONNX model ({error}); was it cut short, or is it another format?"
        ) from error
    if not model.graph.node or not model.opset_import:
        raise ModelError(
            f"{path}: holds no ONNX graph ({path.stat().st_size} bytes); was it cut short, or is it another format?"
        )
    return model


def write_model(model: onnx.ModelProto | ModelParts, path: str | os.PathLike[str]) -> None:
    """Write `model` to the file `path`, or to standard output if that is '-'; whole or not at all.

    Over 2 GB the tensors go to `<path>.data` beside it, as ONNX external data.

    Raises:
        OutputError: the file cannot be written.
    """
    parts = as_parts(model)
    if str(path) == STDOUT:
        _write_standard_output(parts)
        return
    path = Path(path)
    if _message_size(parts) > PROTOBUF_LIMIT:
        _write_with_external_data(parts, path)
        return
    with replacing(path) as stream:
        _write_message(parts, stream)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary stream whose bytes become the file `path` only if the block ends well.

    The bytes go to a temporary file beside `path`, which is then renamed: a failure or Ctrl-C leaves nothing behind.

    Raises:
        OutputError: the folder does not exist or may not be written.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the path of the file to write")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); does its folder exist, and is it yours?"
        ) from error
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        partial.unlink(missing_ok=True)


def check_output(path: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Refuse early what could only fail after the work is done.

    Raises:
        OutputError: `path` is one of `inputs`, a folder, in a folder that does not exist or may not be written, or
            standard output while that is a terminal.
    """
    if str(path) == STDOUT:
        if sys.stdout.isatty():
            raise OutputError("standard output is a terminal; redirect it to a file, or give -o FILE")
        return
    path = Path(path)
    for other in map(Path, inputs):
        if path.exists() and other.exists() and path.samefile(other):
            raise OutputError(f"{path}: is the input itself, which is never overwritten; give another -o")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the path of the file to write")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: the folder {path.parent} may not be written; give another -o")


def sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, in hexadecimal; reads it in blocks."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _write_standard_output(parts: ModelParts) -> None:
    if _message_size(parts) > PROTOBUF_LIMIT:
        raise OutputError(
            "a model over 2 GB needs a data file beside it and cannot go to standard output; give -o FILE"
        )
    try:
        _write_message(parts, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(f"standard output: cannot be written ({error.strerror or error})") from error


def _write_message(parts: ModelParts, stream: BinaryIO) -> None:
    """Frame ModelProto, its graph and each tensor by hand, so that no tensor is copied into a message."""
    header = onnx.ModelProto()
    header.CopyFrom(parts.model)
    header.ClearField("graph")
    graph = parts.model.graph.SerializeToString(deterministic=True)
    frames = {name: _tensor_frame(name, array) for name, array in parts.tensors.items()}
    tensors_size = sum(len(frame) + parts.tensors[name].nbytes for name, frame in frames.items())
    stream.write(header.SerializeToString(deterministic=True))
    stream.write(tag(MODEL_GRAPH) + varint(len(graph) + tensors_size))
    stream.write(graph)
    for name, frame in frames.items():
        stream.write(frame)
        write_bytes(stream, _raw_bytes(parts.tensors[name]))


def _tensor_frame(name: str, array: NDArray[np.generic]) -> bytes:
    """Everything of one GraphProto.initializer field that stands before its raw bytes."""
    tensor = onnx.TensorProto(name=name, dims=array.shape, data_type=onnx.helper.np_dtype_to_tensor_dtype(array.dtype))
    head = tensor.SerializeToString(deterministic=True) + tag(TENSOR_RAW_DATA) + varint(array.nbytes)
    return tag(GRAPH_INITIALIZER) + varint(len(head) + array.nbytes) + head


def _raw_bytes(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The array's elements as little-endian bytes, without a copy where it lies in order already."""
    little = array if array.dtype.byteorder != ">" else array.astype(array.dtype.newbyteorder("<"))
    return np.ascontiguousarray(little).reshape(-1).view(np.uint8)


def _message_size(parts: ModelParts) -> int:
    return parts.model.ByteSize() + sum(array.nbytes + 64 + len(name) for name, array in parts.tensors.items())


def _write_with_external_data(parts: ModelParts, path: Path) -> None:
    data_path = path.with_name(path.name + ".data")
    model = onnx.ModelProto()
    model.CopyFrom(parts.model)
    big = dict(parts.tensors)
    for tensor in [t for t in model.graph.initializer if t.ByteSize() > 1024]:
        big[tensor.name] = onnx.numpy_helper.to_array(tensor)
        model.graph.initializer.remove(tensor)
    with replacing(data_path) as data, replacing(path) as stream:
        for name, array in big.items():
            model.graph.initializer.append(_external_tensor(name, array, data_path.name, data.tell()))
            write_bytes(data, _raw_bytes(array))
        stream.write(model.SerializeToString(deterministic=True))


def _external_tensor(name: str, array: NDArray[np.generic], location: str, offset: int) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, dims=array.shape, data_type=onnx.helper.np_dtype_to_tensor_dtype(array.dtype))
    tensor.data_location = onnx.TensorProto.EXTERNAL
    facts: Mapping[str, object] = {"location": location, "offset": offset, "length": array.nbytes}
    for key, value in facts.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor
