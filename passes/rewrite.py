"""Run passes over a model, one after the other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

from ..errors import ModelError
from ..files import ModelParts, as_parts, read_parts
from ..runtime_check.cost import ModelCost, count, infer_shapes
from .base import Pass, Result
from .cleanup.drop_dead import DropDead
from .cleanup.drop_identities import DropIdentities
from .cleanup.fold_batchnorm import FoldBatchnorm
from .graph import to_graph, to_parts

InputShapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A rewritten model and how it came about.

    Attributes:
        parts: the new model; `files.write_model` writes it, `parts.to_model()` makes one message of it.
        results: what each pass did, in the order they ran.
        before: cost of the model that was given.
        after: cost of the new one.
    """

    parts: ModelParts
    results: tuple[tuple[str, Result], ...]
    before: ModelCost
    after: ModelCost


def cleanup_passes() -> list[Pass]:
    """The exact clean-ups that stand before every approximation."""
    return [DropIdentities(), FoldBatchnorm(), DropDead()]


def rewrite(
    model: onnx.ModelProto | ModelParts | str | os.PathLike[str],
    passes: Sequence[Pass],
    input_shapes: InputShapes | None = None,
) -> Rewritten:
    """Clean `model` up and run `passes` over it. The model that is given is never changed.

    Args:
        model: a path or a model. From a path, weights stay in the mapped file until they are needed.
        passes: in the order they shall run, after the clean-ups.
        input_shapes: of inputs whose sizes the model leaves open, for counting.

    Raises:
        ModelError: the model cannot be read or is invalid.
        PlanishError: a pass cannot do what its settings ask; see there.
    """
    parts = as_parts(model) if isinstance(model, onnx.ModelProto | ModelParts) else read_parts(model)
    before = _cost(parts, input_shapes)
    graph = to_graph(parts)
    results = tuple((step.name, step.run(graph)) for step in (*cleanup_passes(), *passes))
    rewritten = to_parts(graph, parts)
    return Rewritten(rewritten, results, before, _cost(rewritten, input_shapes))


def _cost(parts: ModelParts, input_shapes: InputShapes | None) -> ModelCost:
    try:
        return count(parts, infer_shapes(parts, input_shapes=input_shapes))
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"model '{parts.model.graph.name}': its shapes contradict each other ({error})") from error
