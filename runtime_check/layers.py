"""Where two models part: the error of every tensor that both have, in the order of the graph."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import ModelError
from ..files import PROTOBUF_LIMIT, ModelParts
from .data import Dataset, paired_batches
from .fidelity import FidelityMeter
from .session import Optimizations, Session

DIFFERENT_DB = 80.0
"""SQNR under which a tensor counts as different: rounding in float32 stays above 100 dB in all but freak cases."""


@dataclass(frozen=True, slots=True)
class LayerFidelity:
    """One tensor's error.

    Attributes:
        tensor: its name, the same in both models.
        node: the first model's node that makes it; the input's own name for an input.
        operator: that node's; 'input' for an input.
        sqnr_db: signal over error, in dB; infinite for equal values.
        inputs_sqnr_db: the lowest such figure among the node's own inputs: what the node adds to the error shows in the
            difference.
        max_abs: largest error.
    """

    tensor: str
    node: str
    operator: str
    sqnr_db: float
    inputs_sqnr_db: float
    max_abs: float


@dataclass(frozen=True, slots=True)
class LayerComparison:
    """All tensors that both models have.

    Attributes:
        layers: in the order of the first model's graph, inputs first.
        outputs: names of the graph outputs among them.
        samples: how many were run.
    """

    layers: tuple[LayerFidelity, ...]
    outputs: tuple[str, ...]
    samples: int

    def first_below(self, threshold_db: float = DIFFERENT_DB) -> LayerFidelity | None:
        """The layer where the error enters: the first under the threshold.

        Inputs count only where it reaches an output: models may be fed differently on purpose, one with the
        normalization inside, say.
        """
        reaches = any(layer.sqnr_db < threshold_db for layer in self.layers if layer.tensor in self.outputs)
        below = (layer for layer in self.layers if layer.sqnr_db < threshold_db)
        return next((layer for layer in below if layer.operator != "input" or reaches), None)


def compare_layers(
    models: tuple[ModelParts, ModelParts],
    names: tuple[str, str],
    data: Sequence[Dataset],
    *,
    samples: int,
    optimizations: Optimizations = "off",
    threads: int = 1,
) -> LayerComparison:
    """Run two models side by side, sample by sample, and compare all tensors of the same name and shape.

    Args:
        models: the reference and the model to judge.
        names: what to call them.
        data: one dataset for both, or one for each.
        samples: how many samples to take.
        optimizations: of onnxruntime; with them a tensor inside a fused operator is kept, and the fusion undone.
        threads: of onnxruntime.

    Raises:
        ModelError: a model is too large to be given further outputs.
    """
    reference = models[0].model.graph
    theirs = {name for node in models[1].model.graph.node for name in node.output}
    shared = [name for node in reference.node for name in node.output if name and name in theirs]
    sessions = [_open(parts, name, shared, optimizations, threads) for parts, name in zip(models, names, strict=True)]
    meters: dict[str, FidelityMeter] = {}
    taken = 0
    for batches in paired_batches(data, len(sessions), 1):
        values = [session.run(batch.inputs) | batch.inputs for session, batch in zip(sessions, batches, strict=True)]
        _gather(meters, values)
        taken += batches[0].size
        if taken >= samples:
            break
    return LayerComparison(tuple(_rows(reference, meters)), tuple(value.name for value in reference.output), taken)


def _open(parts: ModelParts, name: str, outputs: Sequence[str], optimizations: Optimizations, threads: int) -> Session:
    model = parts.to_model()
    if model.ByteSize() > PROTOBUF_LIMIT:
        raise ModelError(
            f"{name}: over 2 GB, too large to look at single layers; leave them out with --layer-samples 0"
        )
    return Session(model, optimizations=optimizations, threads=threads, outputs=outputs, name=name)


def _gather(meters: dict[str, FidelityMeter], values: Sequence[Mapping[str, NDArray[Any]]]) -> None:
    for name, mine in values[0].items():
        other = values[1].get(name)
        if other is not None and mine.shape == other.shape and np.issubdtype(mine.dtype, np.floating):
            meters.setdefault(name, FidelityMeter(name)).add(mine, other)


def _rows(graph: onnx.GraphProto, meters: Mapping[str, FidelityMeter]) -> list[LayerFidelity]:
    results = {name: meter.result() for name, meter in meters.items()}
    made = {name for node in graph.node for name in node.output}
    rows = [
        LayerFidelity(name, name, "input", found.sqnr_db, math.inf, found.max_abs)
        for name, found in results.items()
        if name not in made
    ]
    for node in graph.node:
        before = min((results[name].sqnr_db for name in node.input if name in results), default=math.inf)
        rows += [
            LayerFidelity(name, node.name or name, node.op_type, results[name].sqnr_db, before, results[name].max_abs)
            for name in node.output
            if name in results
        ]
    return rows
