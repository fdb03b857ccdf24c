"""The one place that opens onnxruntime."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from ..errors import DataError, ModelError
from ..files import ModelParts

Optimizations = Literal["all", "off"]
Feeds = Mapping[str, NDArray[np.generic]]

_BIG_BYTES = 1 << 14
"""Smaller tensors go with the model: among them are shapes, which onnxruntime wants to see while it reads the graph."""
_PLAIN = frozenset(map(np.dtype, ("float16", "float32", "float64", "int8", "uint8", "int32", "int64")))


class Session:
    """A model opened in onnxruntime on the CPU.

    Args:
        model: a path or a model. What is over 2 GB must be a path or `ModelParts`, whose big tensors are handed to
            onnxruntime as they are: a sixth of the time, and half of the memory, of one message that holds them.
        optimizations: 'off' to judge a rewrite (onnxruntime would hide a wrong one by fusing), 'all' to measure speed.
        threads: intra-operator threads.
        outputs: further tensors to return besides the graph's outputs.
        profile_folder: where onnxruntime's profiler writes; None leaves it off.
        optimized_file: where onnxruntime writes what it made of the graph, big weights in a file beside it.
        name: what to call the model in errors.

    Raises:
        ModelError: onnxruntime refuses the model.
    """

    def __init__(
        self,
        model: onnx.ModelProto | ModelParts | str | os.PathLike[str],
        *,
        optimizations: Optimizations = "off",
        threads: int = 1,
        outputs: Sequence[str] = (),
        profile_folder: Path | None = None,
        optimized_file: Path | None = None,
        name: str = "",
    ) -> None:
        options = _options(optimizations, threads, profile_folder)
        self._shared: list[onnxruntime.OrtValue] = []  # onnxruntime reads their memory and does not own it
        if isinstance(model, ModelParts):
            model, self._shared = _light(model, options)
        self.name = name or (model.graph.name if isinstance(model, onnx.ModelProto) else str(model))
        source: bytes | str
        if isinstance(model, onnx.ModelProto):
            source = _with_outputs(model, outputs).SerializeToString() if outputs else model.SerializeToString()
        elif Path(model).is_file():
            source = str(model)
        else:
            raise ModelError(f"{model}: no such file; give the path of an .onnx model")
        if optimized_file is not None:
            _write_optimized(options, optimized_file)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own classes, which have no common base of their own
            raise ModelError(f"{self.name}: onnxruntime cannot open the model: {error}") from error
        self.input_names = [value.name for value in self._session.get_inputs()]
        self.input_shapes = {value.name: tuple(value.shape) for value in self._session.get_inputs()}
        self.input_types = {value.name: str(value.type) for value in self._session.get_inputs()}
        self.output_names = [value.name for value in self._session.get_outputs()]

    def run(self, feeds: Feeds) -> dict[str, NDArray[np.generic]]:
        """The outputs by name.

        Raises:
            DataError: the feeds do not fit the model's inputs.
        """
        missing = [name for name in self.input_names if name not in feeds]
        if missing:
            raise DataError(
                f"{self.name}: no data for input {', '.join(missing)}; the data has {', '.join(feeds) or 'nothing'}"
            )
        try:
            values = self._session.run(None, {name: feeds[name] for name in self.input_names})
        except Exception as error:  # as above
            raise DataError(f"{self.name}: onnxruntime cannot run the model on this data: {error}") from error
        return dict(zip(self.output_names, values, strict=True))

    def end_profiling(self) -> Path:
        """Stop the profiler and return the file that it wrote, in Chrome's trace format."""
        return Path(self._session.end_profiling())


def optimized_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """What onnxruntime makes of `model` before it lays tensors out for the CPU: every fusion, under the old names.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    options = _options("all", 1, None)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(path)
        try:
            onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes have no common base
            raise ModelError(f"{model.graph.name}: onnxruntime cannot open the model: {error}") from error
        return onnx.load(path)


def deployed_model(model: onnx.ModelProto | str | os.PathLike[str]) -> onnx.ModelProto:
    """What onnxruntime makes of `model` for this machine, layout included; big weights are left out.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deployed.onnx"
        Session(model, optimizations="all", optimized_file=path)
        return onnx.load(path, load_external_data=False)


def _options(optimizations: Optimizations, threads: int, profile_folder: Path | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimizations == "all" else level.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if profile_folder is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_folder / "profile")
    # Idle workers of one session would otherwise spin into another's turn and spoil its timing.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _write_optimized(options: onnxruntime.SessionOptions, path: Path) -> None:
    options.optimized_model_filepath = str(path)
    prefix = "session.optimized_model_external_initializers"
    options.add_session_config_entry(f"{prefix}_file_name", f"{path.name}.data")
    options.add_session_config_entry(f"{prefix}_min_size_in_bytes", "1024")


def _light(
    parts: ModelParts, options: onnxruntime.SessionOptions
) -> tuple[onnx.ModelProto, list[onnxruntime.OrtValue]]:
    """The model with its big tensors declared only, and those, which go into the options."""
    model = onnx.ModelProto()
    model.CopyFrom(parts.model)
    names, values = [], []
    for name, array in parts.tensors.items():
        if array.nbytes < _BIG_BYTES or array.dtype not in _PLAIN:
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
            continue
        data_type = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        declared = onnx.TensorProto(name=name, dims=array.shape, data_type=data_type, data_location="EXTERNAL")
        facts = {"location": "memory", "offset": "0", "length": str(array.nbytes)}
        declared.external_data.extend(onnx.StringStringEntryProto(key=key, value=facts[key]) for key in facts)
        model.graph.initializer.append(declared)
        names.append(name)
        values.append(onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)))
    if names:
        options.add_external_initializers(names, values)
    return model, values


def _with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    extended = onnx.ModelProto()
    extended.CopyFrom(model)
    present = {value.name for value in model.graph.output}
    extended.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in present)
    return extended
