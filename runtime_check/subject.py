"""A model under check: its file, what it is called, and what its images go through."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..files import ModelParts, as_parts, read_parts
from ..preprocessing import Preprocessing, read_preprocessing
from .accuracy import Accuracy
from .cost import ModelCost, count, infer_shapes
from .inputs import InputSpec, common_inputs, model_inputs
from .result import ModelFacts
from .session import Optimizations, Session

Model = str | os.PathLike[str] | onnx.ModelProto | ModelParts


@dataclass(frozen=True, slots=True)
class Subject:
    """A model under check.

    Attributes:
        source: the path that the caller gave, or else the whole model; onnxruntime opens it.
        parts: the same, read.
        name: what to call it.
        preprocessing: what its images go through, if anything says so.
    """

    source: str | os.PathLike[str] | onnx.ModelProto
    parts: ModelParts
    name: str
    preprocessing: Preprocessing | None

    def open(self, optimizations: Optimizations, threads: int) -> Session:
        """A session; see there."""
        return Session(self.source, optimizations=optimizations, threads=threads, name=self.name)


def open_subjects(models: Sequence[Model], preprocessing: Preprocessing | None) -> list[Subject]:
    """The models, read; each with its own preprocessing unless one is given, or else with the other's."""
    sources = [one.to_model() if isinstance(one, ModelParts) else one for one in models]
    names = [one.graph.name or "model" if isinstance(one, onnx.ModelProto) else str(one) for one in sources]
    parts = [as_parts(one) if isinstance(one, onnx.ModelProto) else read_parts(one) for one in sources]
    described = [preprocessing or read_preprocessing(p.model, name) for p, name in zip(parts, names, strict=True)]
    known = next((one for one in described if one is not None), None)
    return [Subject(*facts[:3], facts[3] or known) for facts in zip(sources, parts, names, described, strict=True)]


def inputs_of(subjects: Sequence[Subject], input_shapes: Mapping[str, Sequence[int]] | None) -> tuple[InputSpec, ...]:
    """What all of them are fed with."""
    specs = [model_inputs(subject.parts, input_shapes) for subject in subjects]
    return specs[0] if len(specs) == 1 else common_inputs(specs[0], specs[1], subjects[0].name, subjects[1].name)


def cost_of(subject: Subject, inputs: Sequence[InputSpec]) -> ModelCost:
    """What the model costs at the size that it is run with."""
    known = {spec.name: (1, *spec.sample_shape) for spec in inputs if None not in spec.sample_shape}
    shapes = {name: [size for size in shape if size is not None] for name, shape in known.items()}
    return count(subject.parts, infer_shapes(subject.parts, input_shapes=shapes))


def facts_of(subject: Subject, cost: ModelCost, accuracy: Accuracy | None) -> ModelFacts:
    """The model as it lies there."""
    return ModelFacts(
        name=subject.name,
        macs=cost.macs(),
        params=cost.params(),
        weight_bytes=cost.bytes(),
        file_bytes=_file_bytes(subject.source),
        accuracy=accuracy,
        preprocessing=None if subject.preprocessing is None else subject.preprocessing.to_json(),
    )


def _file_bytes(model: str | os.PathLike[str] | onnx.ModelProto) -> int:
    if isinstance(model, onnx.ModelProto):
        return model.ByteSize()
    light = onnx.load(model, load_external_data=False)
    external = {
        entry.value for tensor in light.graph.initializer for entry in tensor.external_data if entry.key == "location"
    }
    files = [Path(model), *(Path(model).parent / location for location in external)]
    return sum(path.stat().st_size for path in files if path.is_file())
