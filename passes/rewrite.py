"""Run passes over a model, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx
import onnx_graphsurgeon as gs

from ..errors import ModelError, PlanishError
from ..files import ModelParts, as_parts, read_parts
from ..runtime_check.cost import ModelCost, count, infer_shapes
from .base import Pass, Result
from .budget import Goal
from .exact import Exact
from .exact.half_weights import store_halves
from .exact.opset import convert_opset
from .graph import to_graph, to_parts
from .max_drop import MaxDrop, Trial, cheapest_within
from .plan import Plan

InputShapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A rewritten model and how it came about.

    Attributes:
        parts: the new model; `files.write_model` writes it, `parts.to_model()` makes one message of it.
        results: what each pass did, in the order they ran.
        before: cost of the model that was given.
        after: cost of the new one.
        trial: the ratio that was found and what it lost, where a largest drop was given.
    """

    parts: ModelParts
    results: tuple[tuple[str, Result], ...]
    before: ModelCost
    after: ModelCost
    trial: Trial | None = None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """What each approximating pass did to each layer."""
        return tuple(result.plan for _, result in self.results if result.plan is not None)


def rewrite(
    model: onnx.ModelProto | ModelParts | str | os.PathLike[str],
    passes: Sequence[Pass],
    input_shapes: InputShapes | None = None,
    *,
    exact: bool = True,
    max_drop: MaxDrop | None = None,
    opset: int | None = None,
    half_weights: bool = False,
) -> Rewritten:
    """Run `passes` over `model`, exact rewrites first. The model that is given is never changed.

    What the exact pass simplifies comes before all others; what it does for the target's sake alone, after them: a
    normalization that has become a convolution is nothing that low rank should approximate, and ranks are padded once
    they are known.

    Args:
        model: a path or a model. From a path, weights stay in the mapped file until they are needed.
        passes: in the order they shall run. An `Exact` among them runs with its own settings, at its own two times.
        input_shapes: of inputs whose sizes the model leaves open, for counting.
        exact: whether to begin with an `Exact` of default settings where `passes` has none.
        max_drop: what may be lost; the passes' goals are then the largest that keep it.
        opset: version of the standard operators to end with; by default the model's own.
        half_weights: whether to store weights as float16, to be cast to float32 when the model is loaded.

    Raises:
        ModelError: the model cannot be read or is invalid.
        PlanishError: a pass cannot do what its settings ask; see there.
    """
    parts = as_parts(model) if isinstance(model, onnx.ModelProto | ModelParts) else read_parts(model)
    before = _cost(parts, input_shapes)
    graph = to_graph(parts)
    first = next((step for step in passes if isinstance(step, Exact)), None)
    if first is None and exact:
        first = Exact(input_shapes=input_shapes or {})
    results: list[tuple[str, Result]] = []
    if first is not None:
        results.append((first.name, Result()))
        first.simplify(graph, results[0][1])
    others = [step for step in passes if step is not first]
    trial = None if max_drop is None else cheapest_within(graph, others, max_drop)
    if trial is not None:
        graph = trial.graph
    results.extend(_run(graph, others) if trial is None else trial.results)
    for name, result in results:
        if result.plan is not None:
            result.plan = replace(result.plan, made_by=name)
    if first is not None:
        counted = trial is None and any(map(_promises_a_count, others))
        first.specialize(graph, results[0][1], after_others=bool(others), counted=counted)
    rewritten = to_parts(graph, parts)
    if opset is not None:
        rewritten = convert_opset(rewritten, opset)
    if half_weights:
        rewritten = store_halves(rewritten)
    return Rewritten(rewritten, tuple(results), before, _cost(rewritten, input_shapes), trial)


def plan(
    model: onnx.ModelProto | ModelParts | str | os.PathLike[str],
    passes: Sequence[Pass],
    input_shapes: InputShapes | None = None,
) -> tuple[Plan, ...]:
    """What each pass of `rewrite` would do to each layer; `plan.write_plans` writes it, to be edited and given back.

    Raises:
        PlanishError: as `rewrite`, or none of the passes makes a plan.
    """
    made = rewrite(model, passes, input_shapes).plans
    if not made:
        raise PlanishError("none of the passes makes a plan; lowrank, prune and quantize do")
    return made


def _run(graph: gs.Graph, passes: Sequence[Pass]) -> Iterator[tuple[str, Result]]:
    for step in passes:
        yield step.name, step.run(graph)


def _promises_a_count(step: Pass) -> bool:
    """Whether a pass had a goal in multiply-accumulates or parameters, as opposed to time."""
    goal = getattr(step, "goal", None)
    return isinstance(goal, Goal) and goal.unit != "ms"


def _cost(parts: ModelParts, input_shapes: InputShapes | None) -> ModelCost:
    try:
        return count(parts, infer_shapes(parts, input_shapes=input_shapes))
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"model '{parts.model.graph.name}': its shapes contradict each other ({error})") from error
